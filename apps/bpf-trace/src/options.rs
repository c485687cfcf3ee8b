//! What `make` was told, as build.rs passed it on.

/// The options.
pub struct Options {
    /// File name and bytes of an object to trace with; none: the app's own programs.
    pub object: Option<(&'static str, &'static [u8])>,
    /// Function that the latency and event programs are attached to.
    pub probe: &'static str,
    /// Seconds to trace.
    pub duration: u64,
    /// Calls of the workload's `step`.
    pub loops: u64,
}

impl Options {
    /// The options of this image; an error says which is wrong.
    pub fn read() -> Result<Options, &'static str> {
        let file = env!("BPF_TRACE_OBJ");
        Ok(Options {
            object: (!file.is_empty()).then_some((file, include_bytes!(concat!(env!("OUT_DIR"), "/user.bpf.o")).as_slice())),
            probe: env!("BPF_TRACE_PROBE"),
            duration: env!("BPF_TRACE_DURATION")
                .parse()
                .map_err(|_| concat!("DURATION=", env!("BPF_TRACE_DURATION"), ": not a number of seconds"))?,
            loops: env!("BPF_TRACE_LOOPS").parse().map_err(|_| concat!("LOOPS=", env!("BPF_TRACE_LOOPS"), ": not a number"))?,
        })
    }
}
