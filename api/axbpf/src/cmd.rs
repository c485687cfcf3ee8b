//! The commands of bpf(2) as typed functions. Each takes and answers descriptors, as [`bpf`](fn@crate::bpf) does; [`fds`] tells more about them.
use crate::Error;
#[cfg(feature = "axbpf-maps")]
use axbpf_abi::MapType;
use axbpf_runtime::fds::{self, Object};
#[cfg(feature = "axbpf-maps")]
use axbpf_runtime::maps::{Map, MapError, MapSpec};

/// A descriptor.
pub type Fd = u32;

/// MAP_CREATE.
#[cfg(feature = "axbpf-maps")]
pub fn map_create(spec: &MapSpec) -> Result<Fd, Error> {
    Ok(fds::install(Object::Map(Map::new(spec).inspect_err(say)?))?)
}

/// Linux's number for a type that this kernel does not have says little.
#[cfg(feature = "axbpf-maps")]
fn say(error: &MapError) {
    if let MapError::Type(map_type) = error {
        log::warn!("axbpf: no maps of type {map_type}: what they stand for (sockets, devices, control groups) does not exist here");
    }
}

/// MAP_CREATE of a map of maps: those that are put into it have to be like `inner`.
#[cfg(feature = "axbpf-maps")]
pub fn map_create_of_maps(spec: &MapSpec, inner: Fd) -> Result<Fd, Error> {
    let inner = fds::map(inner)?;
    Ok(fds::install(Object::Map(Map::with_inner(spec, Some(inner.spec()))?))?)
}

/// MAP_LOOKUP_ELEM: copies the value of `key` to `value`; of all CPUs' values, each rounded up to 8 bytes, where there is one for each.
#[cfg(feature = "axbpf-maps")]
pub fn map_lookup_elem(map: Fd, key: &[u8], value: &mut [u8]) -> Result<(), Error> {
    Ok(fds::map(map)?.lookup(key, value)?)
}

/// MAP_UPDATE_ELEM: sets the value of `key`; `flags` are BPF_ANY, BPF_NOEXIST or BPF_EXIST. The value for a map of maps or a program array is
/// a descriptor.
#[cfg(feature = "axbpf-maps")]
pub fn map_update_elem(map: Fd, key: &[u8], value: &[u8], flags: u64) -> Result<(), Error> {
    let map = fds::map(map)?;
    update(&map, key, value, flags)
}

#[cfg(feature = "axbpf-maps")]
pub(crate) fn update(map: &Map, key: &[u8], value: &[u8], flags: u64) -> Result<(), Error> {
    let fd = || value.try_into().map(u32::from_le_bytes).map_err(|_| MapError::ValueSize { is: 4, given: value.len() });
    match map.spec().map_type {
        MapType::ArrayOfMaps | MapType::HashOfMaps | MapType::PerfEventArray => Ok(map.put_map(key, fds::map(fd()?)?, flags)?),
        #[cfg(feature = "prog")]
        MapType::ProgArray => Ok(map.put(key, fds::prog(fd()?)?, flags)?),
        _ => Ok(map.update(key, value, flags)?),
    }
}

/// MAP_DELETE_ELEM.
#[cfg(feature = "axbpf-maps")]
pub fn map_delete_elem(map: Fd, key: &[u8]) -> Result<(), Error> {
    Ok(fds::map(map)?.delete(key)?)
}

/// MAP_GET_NEXT_KEY: the key after `key`, or the first one.
#[cfg(feature = "axbpf-maps")]
pub fn map_get_next_key(map: Fd, key: Option<&[u8]>, next: &mut [u8]) -> Result<(), Error> {
    Ok(fds::map(map)?.next_key(key, next)?)
}

/// MAP_LOOKUP_AND_DELETE_ELEM.
#[cfg(feature = "axbpf-maps")]
pub fn map_lookup_and_delete_elem(map: Fd, key: &[u8], value: &mut [u8]) -> Result<(), Error> {
    Ok(fds::map(map)?.lookup_and_delete(key, value)?)
}

/// MAP_FREEZE: no command changes the map any more.
#[cfg(feature = "axbpf-maps")]
pub fn map_freeze(map: Fd) -> Result<(), Error> {
    Ok(fds::map(map)?.freeze()?)
}

/// PROG_LOAD; the verifier's log goes to `log`.
#[cfg(feature = "prog")]
pub fn prog_load(spec: axbpf_runtime::ProgSpec<'_>, log: &mut dyn core::fmt::Write) -> Result<Fd, Error> {
    Ok(fds::install(Object::Prog(axbpf_runtime::Prog::load(spec, log)?))?)
}

/// PROG_TEST_RUN: runs the program by itself, with the context and the packet of `spec`.
#[cfg(feature = "prog")]
pub fn prog_test_run(prog: Fd, spec: &axbpf_runtime::TestRunSpec<'_>) -> Result<axbpf_runtime::TestRun, Error> {
    Ok(fds::prog(prog)?.test_run(spec)?)
}

/// LINK_CREATE for functions of the kernel: attaches the program at each of them, before it or at its return.
#[cfg(all(feature = "axkprobe", feature = "prog"))]
pub fn link_create(prog: Fd, targets: &[axbpf_runtime::Target], at_return: bool) -> Result<Fd, Error> {
    let link = axbpf_runtime::Link::kprobes(&fds::prog(prog)?, targets, at_return)?;
    Ok(fds::install(Object::Link(link))?)
}

/// close(2): if nothing else refers to the object, it ends.
pub fn close(fd: Fd) -> Result<(), Error> {
    Ok(fds::close(fd)?)
}
