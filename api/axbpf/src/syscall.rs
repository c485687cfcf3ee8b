//! bpf(2): numbers and memory in, numbers and memory out.
#[cfg(feature = "axbpf-maps")]
mod batch;

use crate::{Error, cmd};
#[cfg(feature = "prog")]
use alloc::string::String;
use alloc::vec::Vec;
#[cfg(feature = "axbpf-maps")]
use axbpf_abi::MapType;
use axbpf_abi::attr::{self, ATTR_MAX, ATTR_SIZE, Attr, AttrWords};
#[cfg(feature = "axbpf-maps")]
use axbpf_abi::flags::BPF_F_LOCK;
use axbpf_abi::{Cmd, Errno};
#[cfg(feature = "axbpf-maps")]
use axbpf_platform::IrqGuard;
use axbpf_platform::fault;
#[cfg(any(feature = "axbpf-maps", feature = "prog"))]
use axbpf_runtime::fds;
#[cfg(feature = "axbpf-maps")]
use axbpf_runtime::maps::MapSpec;

/// `union bpf_attr`: the bytes of a command's arguments, laid out as Linux 6.12 does. [`axbpf_abi::attr`] has a struct for each command that
/// turns into one.
#[allow(non_camel_case_types, reason = "Linux's name")]
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
pub struct bpf_attr(pub [u8; ATTR_SIZE]);

impl<T: Attr> From<T> for bpf_attr {
    fn from(attr: T) -> Self {
        bpf_attr(attr.to_attr())
    }
}

/// Does what bpf(2) does: command, arguments and their size in bytes; answers a descriptor, a number, or a negative error number. Memory that
/// `attr` points to is read and written through a copy that survives bad addresses: they are -EFAULT.
///
/// # Safety
///
/// Memory that the command fills (`attr` itself, and what its pointers for answers lead to) is the caller's to have written.
pub unsafe fn bpf(cmd: u32, attr: *mut bpf_attr, size: u32) -> i64 {
    let addr = attr.expose_provenance();
    #[cfg(feature = "axbpf-maps")]
    // SAFETY: the caller's.
    if let Some(done) = unsafe { short_elem(cmd, addr, size as usize) } {
        return done;
    }
    // SAFETY: the caller's.
    unsafe { any(cmd, addr, size as usize) }
}

/// # Safety
///
/// As [`bpf`].
#[inline(never)]
unsafe fn any(cmd: u32, addr: usize, size: usize) -> i64 {
    let result = match Cmd::from_u32(cmd) {
        // SAFETY: the caller's.
        Some(cmd) => unsafe { dispatch(cmd, addr, size) },
        None => Err(Errno::EINVAL),
    };
    result.unwrap_or_else(Errno::neg)
}

/// The command's part of an attr of any length: what is missing is zero, what is unknown must be.
fn read_attr<T: Attr>(addr: usize, size: usize) -> Result<T, Errno> {
    if let (ATTR_SIZE, Some(given)) = (size, fault::plain(addr, size)) {
        let mut words = T::Words::default();
        given.read(words.as_mut()).ok_or(Errno::EFAULT)?;
        let rest = given.is_zero(words.as_ref().len() * 8).ok_or(Errno::EFAULT)?;
        return if rest { T::read(&words) } else { Err(Errno::EINVAL) };
    }
    if size > ATTR_MAX {
        return Err(Errno::E2BIG);
    }
    let mut words = AttrWords::default();
    read(&mut bytemuck::cast_slice_mut(&mut words)[..size.min(ATTR_SIZE)], addr)?;
    if size > ATTR_SIZE && bytes_at(addr + ATTR_SIZE, size - ATTR_SIZE)?.iter().any(|&byte| byte != 0) {
        return Err(Errno::E2BIG);
    }
    T::read_all(&words)
}

fn read(out: &mut [u8], addr: usize) -> Result<(), Errno> {
    fault::read(out, addr).map_err(|_| Errno::EFAULT)
}

fn bytes_at(addr: usize, len: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| Errno::ENOMEM)?;
    bytes.resize(len, 0);
    read(&mut bytes, addr)?;
    Ok(bytes)
}

/// Room for a key or a value, aligned to 8: small ones stand on the stack. Filled in place, for copies cost more than the operation.
#[cfg(feature = "axbpf-maps")]
#[derive(Default)]
struct Room {
    small: [u64; SMALL],
    large: Vec<u64>,
}

/// Words of small ones.
#[cfg(feature = "axbpf-maps")]
const SMALL: usize = 8;

#[cfg(feature = "axbpf-maps")]
impl Room {
    #[inline]
    fn words(&mut self, len: usize) -> Result<&mut [u64], Errno> {
        if len <= SMALL * 8 { Ok(&mut self.small[..len.div_ceil(8)]) } else { self.large(len) }
    }

    #[cold]
    fn large(&mut self, len: usize) -> Result<&mut [u64], Errno> {
        self.large.try_reserve_exact(len.div_ceil(8)).map_err(|_| Errno::ENOMEM)?;
        self.large.resize(len.div_ceil(8), 0);
        Ok(&mut self.large)
    }

    /// So many bytes.
    #[inline]
    fn bytes(&mut self, len: usize) -> Result<&mut [u8], Errno> {
        Ok(&mut bytemuck::cast_slice_mut(self.words(len)?)[..len])
    }

    /// The bytes at an address.
    #[inline]
    fn read(&mut self, addr: usize, len: usize) -> Result<&mut [u8], Errno> {
        let words = self.words(len)?;
        if len.is_multiple_of(8) {
            fault::read_words(words, addr).map_err(|_| Errno::EFAULT)?;
        } else {
            read(&mut bytemuck::cast_slice_mut(words)[..len], addr)?;
        }
        Ok(&mut bytemuck::cast_slice_mut(words)[..len])
    }
}

/// # Safety
///
/// `addr`, if it is mapped, may be written.
#[inline]
unsafe fn write(addr: usize, bytes: &[u8]) -> Result<(), Errno> {
    // SAFETY: the caller's.
    unsafe { fault::write(addr, bytes) }.map_err(|_| Errno::EFAULT)
}

fn errno(error: impl Into<Error>) -> Errno {
    error.into().errno()
}

/// # Safety
///
/// As [`bpf`].
unsafe fn dispatch(cmd: Cmd, addr: usize, size: usize) -> Result<i64, Errno> {
    match cmd {
        #[cfg(feature = "axbpf-maps")]
        Cmd::MapCreate => map_create(&read_attr::<attr::MapCreate>(addr, size)?),
        #[cfg(feature = "axbpf-maps")]
        Cmd::MapLookupElem | Cmd::MapUpdateElem | Cmd::MapDeleteElem | Cmd::MapGetNextKey | Cmd::MapLookupAndDeleteElem => {
            // SAFETY: the caller's.
            unsafe { map_elem(cmd, &read_attr::<attr::MapElem>(addr, size)?) }
        }
        #[cfg(feature = "axbpf-maps")]
        Cmd::MapLookupBatch | Cmd::MapLookupAndDeleteBatch | Cmd::MapUpdateBatch | Cmd::MapDeleteBatch => {
            // SAFETY: the caller's.
            unsafe { batch::map_batch(cmd, &read_attr::<attr::MapBatch>(addr, size)?, addr) }
        }
        #[cfg(feature = "axbpf-maps")]
        Cmd::MapFreeze => cmd::map_freeze(read_attr::<attr::MapElem>(addr, size)?.map_fd).map(|()| 0).map_err(errno),
        #[cfg(feature = "prog")]
        // SAFETY: the caller's.
        Cmd::ProgLoad => unsafe { prog_load(&read_attr::<attr::ProgLoad>(addr, size)?, addr, size) },
        #[cfg(feature = "prog")]
        // SAFETY: the caller's.
        Cmd::ProgTestRun => unsafe { test_run(&read_attr::<attr::TestRun>(addr, size)?, addr, size) },
        #[cfg(all(feature = "axkprobe", feature = "prog"))]
        Cmd::LinkCreate => link_create(addr, size),
        _ => {
            let _ = (addr, size);
            Err(Errno::EINVAL)
        }
    }
}

#[cfg(feature = "axbpf-maps")]
fn map_create(attr: &attr::MapCreate) -> Result<i64, Errno> {
    let spec = MapSpec {
        map_type: MapType::from_u32(attr.map_type).ok_or(Errno::EINVAL)?,
        key_size: attr.key_size,
        value_size: attr.value_size,
        max_entries: attr.max_entries,
        flags: attr.map_flags,
        name: name(&attr.map_name)?,
        map_extra: attr.map_extra,
        ..MapSpec::default()
    };
    let of_maps = matches!(spec.map_type, MapType::ArrayOfMaps | MapType::HashOfMaps);
    let fd = if of_maps { cmd::map_create_of_maps(&spec, attr.inner_map_fd) } else { cmd::map_create(&spec) };
    fd.map(i64::from).map_err(errno)
}

/// Names end with a NUL and are of letters, digits, `_` and `.` (Linux: `bpf_obj_name_cpy`).
fn name(name: &[u8; 16]) -> Result<[u8; 16], Errno> {
    let len = name.iter().position(|&b| b == 0).ok_or(Errno::EINVAL)?;
    let good = name[..len].iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'));
    if good && name[len..].iter().all(|&b| b == 0) { Ok(*name) } else { Err(Errno::EINVAL) }
}

/// The short way for what is asked most: lookups and updates with keys of a word or half of one, values of a word, all aligned and in
/// memory that is known to be plain. `None`: it is something else, or it fails.
///
/// # Safety
///
/// As [`bpf`].
#[cfg(feature = "axbpf-maps")]
#[inline(always)]
unsafe fn short_elem(cmd: u32, addr: usize, size: usize) -> Option<i64> {
    const LOOKUP: u32 = Cmd::MapLookupElem as u32;
    const UPDATE: u32 = Cmd::MapUpdateElem as u32;
    /// Bytes that the command knows, as libbpf passes them; behind them are 15 words of the union.
    const KNOWN: usize = <attr::MapElem as Attr>::SIZE;
    const _: () = assert!(ATTR_SIZE == KNOWN + 15 * 8);
    if !matches!(cmd, LOOKUP | UPDATE) || !matches!(size, KNOWN | ATTR_SIZE) {
        return None;
    }
    let ram = fault::ram();
    let given = ram.plain(addr, size)?;
    let attr = attr::MapElem::from_words(&given.four()?);
    if size == ATTR_SIZE && !given.fifteen_zero(KNOWN)? || attr.flags != 0 {
        return None;
    }
    let section = IrqGuard::new();
    let map = fds::short_map(attr.map_fd, &section)?;
    let (key_at, value_at) = (attr.key as usize, attr.value as usize);
    // Memory for a value that can be read can be written, unless the caller passes what it may not.
    let value = ram.plain(value_at, 8)?;
    let [key, value] = match map.short_key()? {
        8 => ram.plain(key_at, 8)?.word_and(value)?,
        // Half of a word.
        _ if key_at.is_multiple_of(4) => {
            let [word, value] = ram.plain(key_at & !7, 8)?.word_and(value)?;
            [word >> (key_at % 8 * 8) & 0xffff_ffff, value]
        }
        _ => return None,
    };
    if cmd == UPDATE {
        map.set_word(key, value, &section)?.ok()?;
    } else {
        let value = map.get_word(key, &section)?.ok()?;
        // SAFETY: aligned, mapped, and the caller's to have written.
        unsafe { core::ptr::with_exposed_provenance_mut::<u64>(value_at).write(value) };
    }
    Some(0)
}

/// # Safety
///
/// As [`bpf`].
#[cfg(feature = "axbpf-maps")]
#[inline]
unsafe fn map_elem(cmd: Cmd, attr: &attr::MapElem) -> Result<i64, Errno> {
    let map = fds::map(attr.map_fd).map_err(errno)?;
    let (key_at, value_at) = (attr.key as usize, attr.value as usize);
    let (key_size, value_len) = (map.spec().key_size as usize, map.value_len());
    let (mut key_room, mut value_room) = (Room::default(), Room::default());
    // Maps without keys take no pointer to one.
    let no_key = |cmd| key_size == 0 && key_at != 0 && cmd != Cmd::MapGetNextKey;
    let flags = |known: u64| if attr.flags & !known == 0 { Ok(()) } else { Err(Errno::EINVAL) };
    if no_key(cmd) {
        return Err(Errno::EINVAL);
    }
    match cmd {
        Cmd::MapUpdateElem => {
            let (key, value) = (key_room.read(key_at, key_size)?, value_room.read(value_at, value_len)?);
            cmd::update(&map, key, value, attr.flags).map_err(errno)?;
        }
        Cmd::MapDeleteElem => {
            flags(0)?;
            map.delete(key_room.read(key_at, key_size)?).map_err(errno)?;
        }
        Cmd::MapGetNextKey => {
            flags(0)?;
            let key = if key_at == 0 { None } else { Some(&*key_room.read(key_at, key_size)?) };
            let next = value_room.bytes(key_size)?;
            map.next_key(key, next).map_err(errno)?;
            // SAFETY: the caller's.
            unsafe { write(value_at, next)? };
        }
        _ => {
            flags(BPF_F_LOCK)?;
            let key = key_room.read(key_at, key_size)?;
            // A bloom filter is asked for a value.
            let asks = map.spec().map_type == MapType::BloomFilter && cmd == Cmd::MapLookupElem;
            let value = if asks { value_room.read(value_at, value_len)? } else { value_room.bytes(value_len)? };
            let result = match cmd {
                Cmd::MapLookupElem => map.lookup_with(key, value, attr.flags),
                _ => map.lookup_and_delete_with(key, value, attr.flags),
            };
            result.map_err(errno)?;
            if !asks {
                // SAFETY: the caller's.
                unsafe { write(value_at, value)? };
            }
        }
    }
    Ok(0)
}

/// A string of at most `N` bytes with its NUL.
#[cfg(feature = "prog")]
fn string<const N: usize>(addr: usize) -> Result<String, Errno> {
    let mut bytes = [0; N];
    let len = fault::read_str(&mut bytes, addr).map_err(|_| Errno::EFAULT)?;
    String::from_utf8(bytes[..len.saturating_sub(1)].to_vec()).map_err(|_| Errno::EINVAL)
}

/// # Safety
///
/// As [`bpf`].
#[cfg(feature = "prog")]
unsafe fn prog_load(attr: &attr::ProgLoad, addr: usize, size: usize) -> Result<i64, Errno> {
    use axbpf_abi::flags::*;
    use axbpf_abi::{MAX_INSNS, ProgType};
    use axbpf_runtime::{LoadError, ProgSpec, RawInsn};
    /// Byte of `log_true_size` in the attr.
    const LOG_TRUE_SIZE: usize = 140;
    const LOG_LEVELS: u32 = BPF_LOG_LEVEL1 | BPF_LOG_LEVEL2 | BPF_LOG_STATS | BPF_LOG_FIXED;

    let prog_type = ProgType::from_u32(attr.prog_type).ok_or(Errno::EINVAL)?;
    let no_log = attr.log_level == 0 || (attr.log_buf == 0 && attr.log_size == 0);
    if attr.log_level & !LOG_LEVELS != 0 || (attr.log_level == 0 && attr.log_buf != 0) || (attr.log_buf == 0) != (attr.log_size == 0) {
        return Err(Errno::EINVAL);
    }
    if attr.prog_flags & !(BPF_F_STRICT_ALIGNMENT | BPF_F_ANY_ALIGNMENT) != 0 {
        return Err(Errno::EINVAL);
    }
    if attr.insn_cnt == 0 || attr.insn_cnt as usize > MAX_INSNS {
        return Err(Errno::E2BIG);
    }
    let bytes = bytes_at(attr.insns as usize, attr.insn_cnt as usize * RawInsn::SIZE)?;
    let insns: Vec<RawInsn> = bytes.as_chunks().0.iter().map(|&slot| RawInsn::from_bytes(slot)).collect();
    let license = string::<128>(attr.license as usize)?;
    let name = name(&attr.prog_name)?;
    let name = String::from_utf8_lossy(name.split(|&b| b == 0).next().unwrap_or(&[])).into_owned();
    #[cfg(feature = "axbpf-maps")]
    let maps = fd_array(attr, &insns)?;
    let mut log = String::new();
    let spec = ProgSpec {
        expected_attach_type: attr.expected_attach_type,
        license: &license,
        flags: attr.prog_flags,
        log_level: if no_log { 0 } else { attr.log_level },
        #[cfg(feature = "axbpf-maps")]
        maps: &maps,
        ..ProgSpec::new(&name, prog_type, insns)
    };
    let result = cmd::prog_load(spec, &mut log);
    if let (Err(Error::Load(error)), false) = (&result, no_log)
        && !matches!(error, LoadError::Rejected(_))
    {
        log += &alloc::format!("{error}\n");
    }
    let mut full = Ok(());
    if !no_log {
        let (room, len) = (attr.log_size as usize, log.len() + 1);
        // The end of a log that is too long tells more than its beginning.
        let cut = log.len().saturating_sub(room.saturating_sub(1));
        let text = if attr.log_level & BPF_LOG_FIXED != 0 { &log.as_bytes()[..log.len() - cut] } else { &log.as_bytes()[cut..] };
        // SAFETY: the caller's; `room` is not 0.
        unsafe {
            write(attr.log_buf as usize, text)?;
            write(attr.log_buf as usize + text.len(), &[0])?;
        }
        if size >= LOG_TRUE_SIZE + 4 {
            // SAFETY: the caller's.
            unsafe { write(addr + LOG_TRUE_SIZE, &(len as u32).to_le_bytes())? };
        }
        if cut > 0 {
            full = Err(Errno::ENOSPC);
        }
    }
    match (result, full) {
        (Ok(fd), Ok(())) => Ok(fd.into()),
        (Ok(fd), Err(errno)) => {
            let _ = cmd::close(fd);
            Err(errno)
        }
        (Err(error), full) => Err(full.err().unwrap_or(error.errno())),
    }
}

/// The maps that instructions name by index.
#[cfg(all(feature = "axbpf-maps", feature = "prog"))]
fn fd_array(attr: &attr::ProgLoad, insns: &[axbpf_runtime::RawInsn]) -> Result<Vec<alloc::sync::Arc<axbpf_runtime::maps::Map>>, Errno> {
    let Some(last) = axbpf_runtime::last_map_index(insns) else { return Ok(Vec::new()) };
    if attr.fd_array == 0 {
        return Err(Errno::EINVAL);
    }
    let bytes = bytes_at(attr.fd_array as usize, (last + 1) * 4)?;
    bytes.as_chunks().0.iter().map(|&fd| fds::map(u32::from_le_bytes(fd)).map_err(errno)).collect()
}

/// # Safety
///
/// As [`bpf`].
#[cfg(feature = "prog")]
unsafe fn test_run(attr: &attr::TestRun, addr: usize, size: usize) -> Result<i64, Errno> {
    use axbpf_runtime::{MAX_CTX, MAX_PACKET, TestRunSpec};
    if (attr.ctx_in == 0) != (attr.ctx_size_in == 0) || (attr.ctx_out == 0) != (attr.ctx_size_out == 0) {
        return Err(Errno::EINVAL);
    }
    let prog = fds::prog(attr.prog_fd).map_err(errno)?;
    // BPF_F_TEST_RUN_ON_CPU, BPF_F_TEST_XDP_LIVE_FRAMES and BPF_F_TEST_SKB_CHECKSUM_COMPLETE do not exist here. Linux does not look at the
    // CPU for xdp programs.
    let on_cpu = attr.cpu != 0 && prog.prog_type() != axbpf_abi::ProgType::Xdp;
    if attr.flags != 0 || on_cpu || attr.batch_size != 0 {
        return Err(Errno::EINVAL);
    }
    if !prog.takes_packet() && (attr.data_in | attr.data_out != 0 || attr.data_size_in | attr.data_size_out != 0) {
        return Err(Errno::EINVAL);
    }
    // One byte more than anything may have is enough to be refused.
    let data = bytes_at(attr.data_in as usize, (attr.data_size_in as usize).min(MAX_PACKET + 1))?;
    let ctx = bytes_at(attr.ctx_in as usize, (attr.ctx_size_in as usize).min(MAX_CTX + 1))?;
    let ctx = (attr.ctx_in | attr.ctx_out != 0).then_some(ctx.as_slice());
    let run = cmd::prog_test_run(attr.prog_fd, &TestRunSpec { data: &data, ctx, repeat: attr.repeat }).map_err(errno)?;
    // SAFETY: the caller's.
    unsafe { test_ran(attr, &prog, &run, addr, size) }
}

/// Writes what a test run answers. What does not fit is an error, after everything before it was written.
///
/// # Safety
///
/// As [`bpf`].
#[cfg(feature = "prog")]
unsafe fn test_ran(
    attr: &attr::TestRun,
    prog: &axbpf_runtime::Prog,
    run: &axbpf_runtime::TestRun,
    addr: usize,
    size: usize,
) -> Result<i64, Errno> {
    /// Bytes of the answers in the attr.
    const RETVAL: usize = 4;
    const DATA_SIZE_OUT: usize = 12;
    const DURATION: usize = 36;
    const CTX_SIZE_OUT: usize = 44;
    let answer = |at: usize, value: u32| match at + 4 <= size {
        // SAFETY: the caller's.
        true => unsafe { write(addr + at, &value.to_le_bytes()) },
        false => Ok(()),
    };
    // Without a size, the buffer for data is taken to be large enough.
    let room = if attr.data_size_out == 0 { usize::MAX } else { attr.data_size_out as usize };
    let data = &run.data[..run.data.len().min(room)];
    if attr.data_out != 0 {
        // SAFETY: the caller's.
        unsafe { write(attr.data_out as usize, data)? };
    }
    if prog.takes_packet() {
        answer(DATA_SIZE_OUT, run.data.len() as u32)?;
    }
    answer(RETVAL, run.retval as u32)?;
    answer(DURATION, u32::try_from(run.duration_ns).unwrap_or(u32::MAX))?;
    if data.len() < run.data.len() {
        return Err(Errno::ENOSPC);
    }
    if prog.prog_type() == axbpf_abi::ProgType::Syscall && attr.ctx_in != 0 {
        // Such programs answer in the context itself.
        // SAFETY: the caller's.
        unsafe { write(attr.ctx_in as usize, &run.ctx)? };
    }
    if attr.ctx_out == 0 {
        return Ok(0);
    }
    let ctx = &run.ctx[..run.ctx.len().min(attr.ctx_size_out as usize)];
    // SAFETY: the caller's.
    unsafe { write(attr.ctx_out as usize, ctx)? };
    answer(CTX_SIZE_OUT, run.ctx.len() as u32)?;
    if ctx.len() < run.ctx.len() { Err(Errno::ENOSPC) } else { Ok(0) }
}

#[cfg(all(feature = "axkprobe", feature = "prog"))]
fn link_create(addr: usize, size: usize) -> Result<i64, Errno> {
    use axbpf_abi::AttachType;
    use axbpf_abi::flags::BPF_F_KPROBE_MULTI_RETURN;
    use axbpf_runtime::Target;
    /// As Linux: MAX_KPROBE_MULTI_CNT.
    const MOST: u32 = 1 << 20;
    /// Longest name with its NUL: KSYM_NAME_LEN.
    const NAME: usize = 512;
    let attr = read_attr::<attr::LinkCreateKprobeMulti>(addr, size)?;
    let prog = fds::prog(attr.prog_fd).map_err(errno)?;
    let multi = AttachType::TraceKprobeMulti as u32;
    // Linux wants the program loaded for this attach type; here one that was loaded for none will do.
    if attr.attach_type != multi || ![0, multi].contains(&prog.expected_attach_type()) {
        return Err(Errno::EINVAL);
    }
    if attr.link_flags != 0
        || attr.target_fd != 0
        || attr.flags & !BPF_F_KPROBE_MULTI_RETURN != 0
        || attr.cnt == 0
        || (attr.syms == 0) == (attr.addrs == 0)
    {
        return Err(Errno::EINVAL);
    }
    if attr.cnt > MOST {
        return Err(Errno::E2BIG);
    }
    let words = |addr: u64| -> Result<Vec<u64>, Errno> {
        Ok(bytes_at(addr as usize, attr.cnt as usize * 8)?.as_chunks().0.iter().map(|&word| u64::from_le_bytes(word)).collect())
    };
    let cookies = if attr.cookies == 0 { alloc::vec![0; attr.cnt as usize] } else { words(attr.cookies)? };
    let symbols: Vec<String> = if attr.syms != 0 {
        words(attr.syms)?.into_iter().map(|at| string::<NAME>(at as usize)).collect::<Result<_, _>>()?
    } else {
        words(attr.addrs)?.into_iter().map(|addr| alloc::format!("{addr:#x}")).collect()
    };
    let targets: Vec<Target> = symbols.into_iter().zip(cookies).map(|(symbol, cookie)| Target { symbol, cookie }).collect();
    cmd::link_create(attr.prog_fd, &targets, attr.flags & BPF_F_KPROBE_MULTI_RETURN != 0).map(i64::from).map_err(errno)
}
