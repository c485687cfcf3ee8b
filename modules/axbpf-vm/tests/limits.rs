//! Where runs and programs end that should not go on.
use axbpf_abi::{Facts, Subprog};
use axbpf_isa::{InsnIdx, RawInsn, asm::assemble};
use axbpf_vm::{Accepted, Engine, Fault, FaultCause, Interpreter, Program, run_checked};

fn run(source: &str, memory: &mut [&mut [u8]], args: [u64; 2]) -> Result<u64, Fault> {
    let program = Program::unchecked(assemble(source).unwrap(), &|_| None).unwrap();
    run_checked(&program, memory, args, 1000)
}

fn fault(at: u32, cause: FaultCause) -> Result<u64, Fault> {
    Err(Fault { at: InsnIdx(at), cause })
}

#[test]
fn accesses_stay_within_the_given_memory() {
    let mut memory = [[7u8; 16], [9u8; 16]];
    let [a, b] = &mut memory;
    let at = a.as_ptr() as u64;
    let args = [at, b.as_ptr() as u64];
    assert_eq!(run("r0 = *(u8 *)(r1 + 15)\nr2 = *(u64 *)(r2 + 8)\nr0 += r2\nexit", &mut [a, b], args), Ok(0x0909_0909_0909_0909 + 7));
    let access = |addr, size, write| FaultCause::Access { addr, size, write };
    assert_eq!(run("r0 = 0\nr0 = *(u64 *)(r1 + 9)\nexit", &mut [a], args), fault(1, access(at + 9, 8, false)));
    assert_eq!(run("*(u8 *)(r1 - 1) = 0\nexit", &mut [a], args), fault(0, access(at - 1, 1, true)));
    assert_eq!(run("r1 = 0 ll\nr0 = *(u8 *)(r1 + 0)\nexit", &mut [a], args), fault(2, access(0, 1, false)));
    assert_eq!(run("r1 = -1\n*(u64 *)(r1 + 0) = 0\nexit", &mut [a], args), fault(1, access(u64::MAX, 8, true)));
    let misaligned = run("r2 = 1\nlock *(u64 *)(r10 - 12) += r2\nexit", &mut [], [0, 0]);
    assert!(matches!(misaligned, Err(Fault { cause: FaultCause::Access { size: 8, write: true, .. }, .. })), "{misaligned:?}");
    let above = run("r0 = *(u8 *)(r10 + 0)\nexit", &mut [], [0, 0]);
    assert!(above.is_err_and(|fault| fault.to_string().starts_with("insn 0: read of 1 bytes at 0x")));
}

#[test]
fn frames_are_eight_of_512_bytes() {
    assert!(run("*(u8 *)(r10 - 4096) = 1\nr0 = 0\nexit", &mut [], [0, 0]).is_ok(), "the other seven frames lie below");
    assert!(run("*(u8 *)(r10 - 4097) = 1\nr0 = 0\nexit", &mut [], [0, 0]).is_err());
    assert_eq!(run("r0 = 0\ncall pc-2\nexit", &mut [], [0, 0]), fault(1, FaultCause::CallDepth));
}

#[test]
fn a_budget_ends_endless_programs() {
    assert_eq!(run("goto -1", &mut [], [0, 0]), fault(0, FaultCause::Budget));
    let program = Program::unchecked(assemble("r0 = 1\nexit").unwrap(), &|_| None).unwrap();
    assert_eq!(run_checked(&program, &mut [], [0, 0], 2), Ok(1));
    assert_eq!(run_checked(&program, &mut [], [0, 0], 1), fault(1, FaultCause::Budget));
}

extern "C" fn weigh(a: u64, b: u64, c: u64, d: u64, e: u64) -> u64 {
    a + 10 * b + 100 * c + 1000 * d + 10_000 * e
}

extern "C" fn answer(_: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    42
}

#[test]
fn helpers_get_five_arguments_and_keep_r6_to_r9() {
    let helper = |id| match id {
        1 => Some(weigh as axbpf_vm::HelperFn),
        7 => Some(answer as _),
        _ => None,
    };
    let source = "r6 = 5\nr1 = 1\nr2 = 2\nr3 = 3\nr4 = 4\nr5 = 5\ncall 1\nr7 = r0\ncall 7\nr0 += r6\nr0 += r7\ncall 7\nr0 += r7\nexit";
    let program = Program::unchecked(assemble(source).unwrap(), &helper).unwrap();
    assert_eq!(run_checked(&program, &mut [], [0, 0], 100), Ok(54_321 + 42));
}

/// The two slots of a wide load of a map descriptor.
fn pseudo() -> Vec<RawInsn> {
    assemble("r1 = map[fd:0x3]\nexit").unwrap()
}

#[test]
fn programs_that_do_not_hang_together() {
    let whole = |slots: &[RawInsn]| vec![Subprog { start: 0, end: slots.len() as u32, stack: 0, ..Subprog::default() }];
    let refused = |slots: Vec<RawInsn>, subprogs: Vec<Subprog>| {
        Program::new(slots, Facts { subprogs, ..Facts::default() }, &|_| None).map(|_| ()).unwrap_err().to_string()
    };
    let text = |source: &str| assemble(source).unwrap();
    let sub = |start, end| Subprog { start, end, stack: 0, ..Subprog::default() };
    assert_eq!(refused(vec![], vec![]), "insn 0: a program needs at least one instruction");
    let not_linked = "insn 0: this wide load is not linked; replace it with the address it stands for";
    assert_eq!(refused(pseudo(), whole(&pseudo())), not_linked);
    let kfunc = text("call kfunc[id:0x5, idx:0x0]\nexit");
    assert_eq!(refused(kfunc.clone(), whole(&kfunc)), "insn 0: kernel function with BTF id 5 is not linked");
    let two = text("r0 = 0\nexit\nr0 = 1\nexit");
    let gap = "the subprograms do not cover the program instruction by instruction";
    assert_eq!(refused(two.clone(), vec![sub(0, 2)]), format!("insn 2: {gap}"));
    assert_eq!(refused(two.clone(), vec![sub(0, 2), sub(3, 4)]), format!("insn 3: {gap}"));
    assert_eq!(refused(two.clone(), vec![sub(0, 2), sub(1, 4)]), format!("insn 1: {gap}"));
    assert_eq!(refused(two.clone(), vec![sub(0, 2), sub(2, 5)]), format!("insn 2: {gap}"));
    assert_eq!(refused(text("r0 = 1 ll\nexit"), vec![sub(0, 1), sub(1, 3)]), format!("insn 0: {gap}"));
    let large = text("exit");
    let message = "insn 0: the frame has 520 bytes, of at most 512; make it smaller";
    assert_eq!(refused(large, vec![Subprog { start: 0, end: 1, stack: 520, ..Subprog::default() }]), message);
    let falls = "insn 0: the subprogram runs past its last instruction; end it with exit or a jump";
    assert_eq!(refused(two, vec![sub(0, 1), sub(1, 4)]), falls);
    let across = text("if r1 == 0 goto +1\nexit\nexit");
    let jump = "insn 0: jump to slot 2, which starts no instruction of this subprogram";
    assert_eq!(refused(across, vec![sub(0, 2), sub(2, 3)]), jump);
    let call = text("call pc+1\nexit\nexit");
    assert_eq!(refused(call.clone(), whole(&call)), "insn 0: call to slot 2, where no subprogram starts");
}

#[test]
fn the_interpreter_has_one_stack_of_512_bytes() {
    let program = Program::unchecked(assemble("r0 = 0\nexit").unwrap(), &|_| None).unwrap();
    // SAFETY: the program touches no memory.
    let error = Interpreter::new(unsafe { Accepted::new(program) }).unwrap_err();
    assert_eq!(error.to_string(), "the call chain uses 4096 bytes of stack and programs have 512; make frames smaller");
}

#[test]
fn engines_are_one_type_to_their_callers() {
    let facts = Facts { subprogs: vec![Subprog { start: 0, end: 3, stack: 0, ..Subprog::default() }], ..Facts::default() };
    let program = Program::new(assemble("r0 = *(u64 *)(r1 + 0)\nr0 += 1\nexit").unwrap(), facts, &|_| None).unwrap();
    // SAFETY: the program reads eight bytes of its context, which it is given below.
    let engine: Box<dyn Engine> = Box::new(Interpreter::new(unsafe { Accepted::new(program) }).unwrap());
    let mut ctx = 41u64;
    // SAFETY: as promised.
    assert_eq!(unsafe { engine.run((&raw mut ctx).cast()) }, 42);
    assert!(engine.machine_code().is_empty());
}

/// Helpers call back what programs give them: a subprogram, with frames of its own.
#[test]
fn callbacks_run_where_the_program_says() {
    const LDDW: u8 = 0x18;
    const PSEUDO_FUNC: u8 = 4;
    let source = "r1 = 0 ll\nr2 = 5\ncall 1\nexit\nback: r6 = r1\nr6 *= 10\n*(u64 *)(r10 - 8) = r2\ncall leaf\nr0 += r6\nr1 = *(u64 *)(r10 - 8)\n\
                  r0 += r1\nexit\nleaf: r0 = 1000\nexit";
    let mut slots = assemble(source).unwrap();
    slots[0] = RawInsn::new(LDDW, 1, PSEUDO_FUNC, 0, 4);
    /// The engine that runs, and what R1 was.
    static ENGINE: std::sync::OnceLock<Interpreter> = std::sync::OnceLock::new();
    extern "C" fn twice(func: u64, a: u64, _: u64, _: u64, _: u64) -> u64 {
        let engine = ENGINE.get().unwrap();
        // SAFETY: `func` is what the program below gives.
        unsafe { engine.call_back(func, [a, 1, 0, 0, 0]) + engine.call_back(func, [a, 2, 0, 0, 0]) }
    }
    let program = Program::unchecked(slots.clone(), &|id| (id == 1).then_some(twice as axbpf_vm::HelperFn)).unwrap();
    assert!(program.is_callback(5) && !program.is_callback(0) && !program.is_callback(13));
    let facts = Facts { max_stack: 16, ..program.facts().clone() };
    let program = Program::new(slots.clone(), facts, &|id| (id == 1).then_some(twice as axbpf_vm::HelperFn)).unwrap();
    // SAFETY: it touches its own stack alone.
    let engine = Interpreter::new(unsafe { Accepted::new(program) }).unwrap();
    let engine = ENGINE.get_or_init(|| engine);
    // SAFETY: as above; it has no context.
    assert_eq!(unsafe { engine.run_with([0, 0]) }, 2 * (1000 + 50) + 1 + 2);

    // Into the midst of a subprogram.
    slots[0] = RawInsn::new(LDDW, 1, PSEUDO_FUNC, 0, 5);
    let subprogs = vec![
        Subprog { start: 0, end: 5, ..Subprog::default() },
        Subprog { start: 5, end: 13, stack: 8, ..Subprog::default() },
        Subprog { start: 13, end: 15, ..Subprog::default() },
    ];
    let facts = Facts { subprogs, ..Facts::default() };
    let refused = Program::new(slots, facts, &|_| Some(twice as axbpf_vm::HelperFn)).unwrap_err();
    assert_eq!(refused.to_string(), "insn 0: call to slot 6, where no subprogram starts");
}
