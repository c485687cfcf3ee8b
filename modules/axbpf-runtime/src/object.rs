//! Objects that clang wrote, loaded whole: their maps, their programs, and links to where their sections say.
use crate::{GlobalFunc, LoadError, Prog, ProgSpec};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use axbpf_abi::flags::BPF_F_SLEEPABLE;
use axbpf_isa::InsnIdx;
use axbpf_loader::{LinkError, LinkedProgram, ObjectSpec, ParseError, SectionDef};
#[cfg(feature = "axbpf-maps")]
use axbpf_maps::{Map, MapError, MapSpec};
use core::fmt;

/// Why an object was not loaded or attached.
#[derive(Debug)]
#[non_exhaustive]
pub enum ObjectError {
    /// The bytes are not an object.
    Parse(ParseError),
    /// A program could not be linked.
    Link(LinkError),
    /// It has maps, and this image has none (feature `axbpf-maps`).
    NoMaps {
        /// The first one's name.
        map: String,
    },
    /// A map could not be made.
    #[cfg(feature = "axbpf-maps")]
    Map {
        /// Its name.
        map: String,
        /// Why.
        error: MapError,
    },
    /// A program was not accepted.
    Load {
        /// Its name.
        program: String,
        /// Why.
        error: LoadError,
        /// The verifier's log.
        log: String,
    },
    /// There is no program of this name.
    NoProgram(String),
    /// The program's section does not say where it goes.
    NoTarget {
        /// The program.
        program: String,
        /// Its section.
        section: String,
    },
    /// The program could not be attached.
    #[cfg(feature = "axkprobe")]
    Attach {
        /// The program.
        program: String,
        /// Why.
        error: crate::AttachError,
    },
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse(error) => error.fmt(f),
            Self::Link(error) => error.fmt(f),
            Self::NoMaps { map } => write!(f, "map {map}: this image has no maps; enable the feature axbpf-maps"),
            #[cfg(feature = "axbpf-maps")]
            Self::Map { map, error } => write!(f, "map {map}: {error}"),
            Self::Load { program, error, .. } => write!(f, "program {program}: {error}"),
            Self::NoProgram(name) => write!(f, "the object has no program {name}"),
            Self::NoTarget { program, section } => write!(f, "program {program}: its section {section} does not say where it goes"),
            #[cfg(feature = "axkprobe")]
            Self::Attach { program, error } => write!(f, "program {program}: {error}"),
        }
    }
}

impl core::error::Error for ObjectError {}

/// How an object is to be loaded.
#[derive(Clone, Copy, Debug)]
pub struct ObjectOptions<'a> {
    /// Only this program; otherwise all whose section does not begin with `?`.
    pub only: Option<&'a str>,
    /// Interpret its programs, although they could be compiled.
    pub interpret: bool,
    /// What the verifier's log tells of a program that it refuses: BPF_LOG_*.
    pub log_level: u32,
}

impl Default for ObjectOptions<'_> {
    fn default() -> Self {
        ObjectOptions { only: None, interpret: false, log_level: axbpf_abi::flags::BPF_LOG_LEVEL1 }
    }
}

/// A program of an object.
#[derive(Clone, Debug)]
pub struct ObjectProgram {
    /// Its name in the object.
    pub name: String,
    /// Its section.
    pub section: String,
    /// What the section's name says of it.
    pub def: &'static SectionDef,
    /// What the section's name says behind that: the function to attach to.
    pub target: Option<String>,
    /// The program.
    pub prog: Arc<Prog>,
}

/// A loaded object. Its programs and maps live on as long as something refers to them.
#[derive(Debug)]
pub struct Object {
    #[cfg(feature = "axbpf-maps")]
    maps: Vec<(String, Held)>,
    programs: Vec<ObjectProgram>,
}

impl Object {
    /// Makes the object's maps and loads its programs, except those whose section begins with `?`. From task context.
    pub fn load(bytes: &[u8]) -> Result<Object, ObjectError> {
        Self::load_with(&ObjectSpec::parse(bytes).map_err(ObjectError::Parse)?, &ObjectOptions::default())
    }

    /// [`load`](Self::load), after something was changed in it, and with options.
    pub fn load_with(spec: &ObjectSpec, options: &ObjectOptions<'_>) -> Result<Object, ObjectError> {
        #[cfg(feature = "axbpf-maps")]
        let maps = spec.maps.iter().map(|map| make_map(spec, map)).collect::<Result<Vec<_>, _>>()?;
        #[cfg(not(feature = "axbpf-maps"))]
        if let Some(map) = spec.maps.first() {
            return Err(ObjectError::NoMaps { map: map.name.clone() });
        }
        let mut programs = Vec::new();
        let wanted = |name: &str, autoload| options.only.map_or(autoload, |only| only == name);
        for program in spec.programs.iter().filter(|program| wanted(&program.name, program.autoload)) {
            let linked = spec.link(&program.name, &mut ()).map_err(ObjectError::Link)?;
            let prog_type = linked.prog_type().map_err(ObjectError::Link)?;
            let Some(def) = linked.def else { continue }; // `prog_type` has said so already
            let source = |at| source_line(spec, &linked, at);
            let global = |at: InsnIdx| {
                let info = linked.func_info.iter().find(|info| info.insn_off == at.0)?;
                GlobalFunc::of(spec.btf.as_ref()?, info.type_id)
            };
            #[cfg(feature = "axbpf-maps")]
            let named: Vec<Arc<Map>> = linked.maps.iter().map(|&index| Arc::clone(&maps[index].1)).collect();
            let mut log = String::new();
            let load = ProgSpec {
                expected_attach_type: def.attach_type.map_or(0, |t| t as u32),
                license: &spec.license,
                source: Some(&source),
                global: Some(&global),
                flags: if def.is_sleepable() { BPF_F_SLEEPABLE } else { 0 },
                log_level: options.log_level,
                interpret: options.interpret,
                #[cfg(feature = "axbpf-maps")]
                maps: &named,
                ..ProgSpec::new(&program.name, prog_type, linked.insns.clone())
            };
            let prog = Prog::load(load, &mut log).map_err(|error| ObjectError::Load { program: program.name.clone(), error, log })?;
            programs.push(ObjectProgram {
                name: program.name.clone(),
                section: program.section.clone(),
                def,
                target: program.target.clone(),
                prog,
            });
        }
        #[cfg(feature = "axbpf-maps")]
        fill(spec, &maps, &programs)?;
        Ok(Object {
            #[cfg(feature = "axbpf-maps")]
            maps: maps.into_iter().map(|(name, map)| (name, Held::new(map))).collect(),
            programs,
        })
    }

    /// The map of this name.
    #[cfg(feature = "axbpf-maps")]
    pub fn map(&self, name: &str) -> Option<&Arc<Map>> {
        self.maps.iter().find(|(n, _)| n == name).map(|(_, map)| &map.0)
    }

    /// All maps, by name in the object.
    #[cfg(feature = "axbpf-maps")]
    pub fn maps(&self) -> impl Iterator<Item = (&str, &Arc<Map>)> {
        self.maps.iter().map(|(name, map)| (name.as_str(), &map.0))
    }

    /// The program of this name.
    pub fn program(&self, name: &str) -> Option<&ObjectProgram> {
        self.programs.iter().find(|program| program.name == name)
    }

    /// All programs.
    pub fn programs(&self) -> &[ObjectProgram] {
        &self.programs
    }

    /// Attaches a program to a function: the one named here, or else the one that its section names. Whether at its entry or its return, the
    /// section says.
    #[cfg(feature = "axkprobe")]
    pub fn attach(&self, program: &str, target: Option<&str>) -> Result<Arc<crate::Link>, ObjectError> {
        let program = self.program(program).ok_or_else(|| ObjectError::NoProgram(program.into()))?;
        let target = target
            .or(program.target.as_deref())
            .ok_or_else(|| ObjectError::NoTarget { program: program.name.clone(), section: program.section.clone() })?;
        self.attach_to(&program.name, &[target.into()])
    }

    /// Attaches a program to several functions.
    #[cfg(feature = "axkprobe")]
    pub fn attach_to(&self, program: &str, targets: &[crate::Target]) -> Result<Arc<crate::Link>, ObjectError> {
        let program = self.program(program).ok_or_else(|| ObjectError::NoProgram(program.into()))?;
        let link = crate::Link::kprobes(&program.prog, targets, program.def.at_return());
        link.map_err(|error| ObjectError::Attach { program: program.name.clone(), error })
    }
}

/// `file:line: text` of the source line that a slot comes from.
fn source_line(spec: &ObjectSpec, linked: &LinkedProgram, at: InsnIdx) -> Option<String> {
    if let Some(unresolved) = linked.unresolved_at(at) {
        return Some(unresolved.to_string());
    }
    let line = spec.source_line(linked.line_at(at)?)?;
    Some(format!("{}:{}: {}", line.file, line.line, line.text.trim()))
}

#[cfg(feature = "axbpf-maps")]
fn make_map(object: &ObjectSpec, spec: &axbpf_loader::MapSpec) -> Result<(String, Arc<Map>), ObjectError> {
    let failed = |error| ObjectError::Map { map: spec.name.clone(), error };
    let own = map_spec(object, spec).map_err(failed)?;
    let inner = spec.inner.as_deref().map(|inner| map_spec(object, inner)).transpose().map_err(failed)?;
    let map = Map::with_inner(&own, inner.as_ref()).map_err(failed)?;
    if let Some(data) = &spec.data {
        let mut value = data.bytes.clone();
        value.resize(map.value_len(), 0);
        map.update(&0u32.to_le_bytes(), &value, 0).map_err(failed)?;
    }
    if spec.frozen {
        map.freeze().map_err(failed)?;
    }
    Ok((spec.name.clone(), map))
}

#[cfg(feature = "axbpf-maps")]
fn map_spec(object: &ObjectSpec, spec: &axbpf_loader::MapSpec) -> Result<MapSpec, MapError> {
    let unknown = MapError::Field { field: "map_type", value: spec.map_type.into(), wants: "a type that exists" };
    let map_type = spec.kind().ok_or(unknown)?;
    let mut name = [0; axbpf_abi::OBJ_NAME_LEN];
    let len = spec.name.len().min(name.len() - 1);
    name[..len].copy_from_slice(&spec.name.as_bytes()[..len]);
    // As libbpf: such arrays have a ring for each CPU.
    let every_cpu = map_type == axbpf_abi::MapType::PerfEventArray && spec.max_entries == 0;
    Ok(MapSpec {
        map_type,
        key_size: spec.key_size,
        value_size: spec.value_size,
        max_entries: if every_cpu { axbpf_platform::cpu_count() as u32 } else { spec.max_entries },
        flags: spec.map_flags,
        name,
        map_extra: spec.map_extra,
        fields: object.btf.as_ref().map(|btf| axbpf_verifier::map_fields(btf, spec.btf_value_type_id)).unwrap_or_default(),
    })
}

/// Puts programs and maps where the object says they stand from the start.
#[cfg(feature = "axbpf-maps")]
fn fill(spec: &ObjectSpec, maps: &[(String, Arc<Map>)], programs: &[ObjectProgram]) -> Result<(), ObjectError> {
    use axbpf_loader::Initial;
    for (def, (name, map)) in spec.maps.iter().zip(maps) {
        for &(key, initial) in &def.initial {
            let key = key.to_le_bytes();
            let put = match initial {
                Initial::Map(index) => maps.get(index).map_or(Ok(()), |(_, inner)| map.put_map(&key, Arc::clone(inner), 0)),
                // One that is not loaded leaves its place empty.
                Initial::Program(index) => {
                    let name = spec.programs.get(index).map(|program| program.name.as_str());
                    let program = programs.iter().find(|program| Some(program.name.as_str()) == name);
                    program.map_or(Ok(()), |program| map.put(&key, program.prog.clone(), 0))
                }
            };
            put.map_err(|error| ObjectError::Map { map: name.clone(), error })?;
        }
    }
    Ok(())
}

/// A map with a user that is no program.
#[cfg(feature = "axbpf-maps")]
#[derive(Debug)]
struct Held(Arc<Map>);

#[cfg(feature = "axbpf-maps")]
impl Held {
    fn new(map: Arc<Map>) -> Held {
        map.hold();
        Held(map)
    }
}

#[cfg(feature = "axbpf-maps")]
impl Drop for Held {
    fn drop(&mut self) {
        self.0.release();
    }
}
