//! Calls of helpers, by their prototypes; calls of functions and returns from them.
use crate::memory::MEMORY;
use crate::state::Frame;
use crate::value::{Range, Target, Value};
use crate::walk::{Next, Step, Walk};
use crate::{MapInfo, Reason};
use axbpf_abi::flags::BPF_F_RDONLY_PROG;
use axbpf_abi::{Access, Arg, HelperProto, MAX_CALL_FRAMES, Ret, helpers};
use axbpf_isa::{InsnIdx, Reg};

/// The registers that a call takes.
const CALLER_SAVED: [Reg; 6] = [Reg::R0, Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5];

/// What the arguments of one call have told.
#[derive(Default)]
struct Args {
    map: Option<MapInfo>,
    /// Memory whose size is the next argument.
    memory: Option<(Reg, Access, bool)>,
    alloc: u32,
    released: Option<u32>,
}

impl Walk<'_> {
    pub(crate) fn helper(&mut self, id: u32) -> Step<()> {
        let proto = (self.request.helper)(id).ok_or(Reason::UnknownHelper { id })?;
        if !proto.progs.contains(self.request.prog_type) {
            return Err(Reason::HelperType { name: proto.name, id });
        }
        if proto.gpl_only && !self.request.gpl {
            return Err(Reason::HelperGpl { name: proto.name });
        }
        let mut args = Args::default();
        for (&arg, reg) in proto.args.iter().zip(&CALLER_SAVED[1..]) {
            self.check_arg(proto, arg, *reg, &mut args)?;
        }
        if let Some(map) = args.map {
            self.check_map_use(proto, &map)?;
        }
        if let Some(id) = args.released {
            self.release(id);
        }
        for reg in CALLER_SAVED {
            self.frame().regs[reg.index()] = Value::Uninit;
        }
        let result = match (proto.ret, args.map) {
            (Ret::Integer, _) => Value::ANY,
            (Ret::Void, _) => Value::Uninit,
            (Ret::MapValueOrNull, Some(map)) => {
                let or_null = Some(self.new_id());
                Value::Ptr { to: Target::MapValue { map, or_null }, off: 0 }
            }
            (Ret::RingbufRecordOrNull, _) => {
                let id = self.new_id();
                self.state.refs.push((id, InsnIdx(self.at)));
                Value::Ptr { to: Target::Record { size: args.alloc, id, or_null: true }, off: 0 }
            }
            // A prototype without a map cannot answer its value.
            (Ret::MapValueOrNull, None) => return Err(Reason::NoMap),
        };
        self.frame().regs[0] = result;
        Ok(())
    }

    fn check_arg(&mut self, proto: &HelperProto, arg: Arg, reg: Reg, args: &mut Args) -> Step<()> {
        let value = self.read(reg)?;
        let wrong = |wants| Err(Reason::ArgType { reg, is: value.name(), wants });
        let map_memory = |this: &mut Self, args: &Args, size: fn(&MapInfo) -> u32| match args.map {
            Some(map) => this.argument(reg, size(&map).into(), true, Access::Read),
            None => Err(Reason::NoMap),
        };
        match arg {
            Arg::Anything | Arg::UnsafeAddr => Ok(()),
            Arg::Ctx => match value {
                Value::Ptr { to: Target::Ctx, off: 0 } => Ok(()),
                Value::Ptr { to: Target::Ctx, off } => Err(Reason::ModifiedCtx { reg, off }),
                _ => wrong("ctx"),
            },
            Arg::MapPtr(types) => match value {
                Value::Ptr { to: Target::Map(map), .. } if types.contains(&map.map_type) => {
                    args.map = Some(map);
                    Ok(())
                }
                Value::Ptr { to: Target::Map(map), .. } => Err(Reason::ArgMap { name: proto.name, id: proto.id, map: map.map_type }),
                _ => wrong("map_ptr"),
            },
            Arg::MapKey => map_memory(self, args, |map| map.key_size),
            Arg::MapValue => map_memory(self, args, |map| map.value_size),
            Arg::Mem { access, nullable } => {
                // Null without a size is looked at with the size.
                if !(value.is_ptr() || nullable && value.known() == Some(0)) {
                    return wrong(MEMORY);
                }
                args.memory = Some((reg, access, nullable));
                Ok(())
            }
            Arg::Size { zero } => {
                let Value::Scalar(Range { min, max }) = value else { return wrong("scalar") };
                if max > i64::MAX as u64 {
                    return Err(Reason::ArgNegative { reg });
                }
                if min == 0 && !zero {
                    return Err(Reason::ArgZero { reg, max });
                }
                if max >= 1 << 29 {
                    return Err(Reason::ArgSize { reg });
                }
                let Some((memory, access, nullable)) = args.memory.take() else { return Ok(()) };
                if nullable && self.read(memory)?.known() == Some(0) {
                    return if max == 0 { Ok(()) } else { Err(Reason::ArgType { reg: memory, is: "scalar", wants: MEMORY }) };
                }
                self.argument(memory, max, min == max, access)
            }
            Arg::AllocSize => match value.known().and_then(|size| u32::try_from(size).ok()) {
                Some(size) => {
                    args.alloc = size;
                    Ok(())
                }
                None => Err(Reason::ArgConst { reg }),
            },
            Arg::RingbufRecord => match value {
                Value::Ptr { to: Target::Record { id, or_null: false, .. }, off: 0 } => {
                    args.released = Some(id);
                    Ok(())
                }
                Value::Ptr { to: Target::Record { or_null: false, .. }, .. } => Err(Reason::ReleaseOffset { reg }),
                _ => wrong("ringbuf_mem"),
            },
        }
    }

    /// Maps that programs may only read.
    fn check_map_use(&self, proto: &HelperProto, map: &MapInfo) -> Step<()> {
        let writes = [helpers::MAP_UPDATE_ELEM.id, helpers::MAP_DELETE_ELEM.id].contains(&proto.id);
        if writes && map.flags & BPF_F_RDONLY_PROG != 0 {
            return Err(Reason::MapReadOnly);
        }
        Ok(())
    }

    /// A reference is given back: what pointed to it is a number now.
    pub(crate) fn release(&mut self, id: u32) {
        self.state.refs.retain(|&(held, _)| held != id);
        self.state.each_value(|value| {
            if matches!(value, Value::Ptr { to: Target::Record { id: of, .. }, .. } if *of == id) {
                *value = Value::ANY;
            }
        });
    }

    /// A call of a function of the program: it is walked from here with what is known.
    pub(crate) fn call(&mut self, to: u32) -> Step<Next> {
        let number = self.state.frames.len();
        if number >= MAX_CALL_FRAMES {
            return Err(Reason::CallDepth { frames: number + 1 });
        }
        let mut frame = Frame::new(number, self.flow.subprog_of(to), self.at + 1);
        let caller = self.frame();
        frame.regs[1..6].copy_from_slice(&caller.regs[1..6]);
        for reg in CALLER_SAVED {
            caller.regs[reg.index()] = Value::Uninit;
        }
        self.state.frames.push(frame);
        Ok(Next::At(to))
    }

    pub(crate) fn exit(&mut self) -> Step<Next> {
        let result = self.frame().regs[0];
        let number = self.state.frames.len() - 1;
        if number == 0 {
            self.read(Reg::R0)?;
            return match self.state.refs.first() {
                Some(&(id, at)) => Err(Reason::LeakedReference { id, at }),
                None => Ok(Next::End),
            };
        }
        if matches!(result, Value::Ptr { to: Target::Stack { frame }, .. } if usize::from(frame) == number) {
            return Err(Reason::ReturnsStack);
        }
        let return_to = self.frame().return_to;
        self.state.frames.pop();
        self.frame().regs[0] = result;
        Ok(Next::At(return_to))
    }
}
