//! The end of the machine. A plain power-off is success for whoever watches QEMU; a failure needs the board's test device.

/// Powers off with this exit status of QEMU.
pub fn off(status: u16) -> ! {
    println!("bpf-trace: exit status {status}");
    if status != 0 {
        fail(status);
    }
    axhal::power::system_off()
}

/// QEMU's `virt` machine for riscv64 has SiFive's test device, which ends QEMU with a status: a little later, and a power-off meanwhile would
/// replace the status by success.
#[cfg(target_arch = "riscv64")]
fn fail(status: u16) {
    const TEST_DEVICE: usize = 0x10_0000;
    const FAIL: u32 = 0x3333;
    if let Ok(at) = axmm::iomap(TEST_DEVICE.into(), 0x1000) {
        // SAFETY: the device's one register, mapped just now.
        unsafe { (at.as_usize() as *mut u32).write_volatile(u32::from(status) << 16 | FAIL) };
        axhal::time::busy_wait(core::time::Duration::from_secs(10));
    }
}
