//! Maps as values, and their definitions in BTF (section `.maps`).
use alloc::{borrow::ToOwned, boxed::Box, collections::BTreeMap, string::String, vec::Vec};

use axbpf_abi::MapType;
use axbpf_btf::{Btf, BtfError, Kind, Member, TypeDef, TypeId};

use crate::{
    MapCause, ParseCause, ParseError, Variable,
    elf::{Elf, Place, Section},
};

/// A map to be created: the fields of bpf(2)'s MAP_CREATE, and what is to be in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MapSpec {
    /// Name of the variable that defines it, or of the section whose data it holds.
    pub name: String,
    /// Type by number ([`MapSpec::kind`]): one from the future is kept as it is.
    pub map_type: u32,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Most elements; 0 where the creator decides (perf event arrays: one a CPU).
    pub max_entries: u32,
    /// BPF_F_*.
    pub map_flags: u32,
    /// Extra word of some types.
    pub map_extra: u64,
    /// NUMA node, if one is asked for.
    pub numa_node: Option<u32>,
    /// Whether it is to be shared under its name.
    pub pinning: Pinning,
    /// What the maps in a map of maps look like.
    pub inner: Option<Box<MapSpec>>,
    /// What stands in it from the start: keys of 4 bytes, of maps of maps and program arrays.
    pub initial: Vec<(u32, Initial)>,
    /// The global variables that it holds.
    pub data: Option<Data>,
    /// Whether it is to be frozen once it is filled: constants.
    pub frozen: bool,
    /// Type of a key in the object's BTF; `void`: unknown.
    pub btf_key_type_id: TypeId,
    /// Type of a value in the object's BTF; `void`: unknown.
    pub btf_value_type_id: TypeId,
}

impl MapSpec {
    /// Its type, if the number is known.
    pub fn kind(&self) -> Option<MapType> {
        MapType::from_u32(self.map_type)
    }

    /// Whether its values are maps.
    pub fn holds_maps(&self) -> bool {
        matches!(self.kind(), Some(MapType::ArrayOfMaps | MapType::HashOfMaps))
    }
}

/// Whether a map is shared under its name: LIBBPF_PIN_*.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pinning {
    /// It is the object's own.
    #[default]
    None,
    /// It is opened by its name, or created and pinned under it.
    ByName,
}

/// An initial value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Initial {
    /// A map, by its index in [`ObjectSpec::maps`](crate::ObjectSpec::maps).
    Map(usize),
    /// A program, by its index in [`ObjectSpec::programs`](crate::ObjectSpec::programs).
    Program(usize),
}

/// The only value of a map of global variables. Pointers among them (tables of strings, say) are not filled in: libbpf does not either.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Data {
    /// Its first bytes; the rest, up to `value_size`, is zero.
    pub bytes: Vec<u8>,
    /// The variables in it, by offset.
    pub vars: Vec<Variable>,
}

/// Where a map's definition stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Definition {
    pub(crate) section: usize,
    pub(crate) offset: u64,
    /// Bytes of the definition.
    pub(crate) size: u64,
    /// Byte of the definition at which `values` begin.
    pub(crate) values: Option<u64>,
}

/// Which map is where, so that relocations can lead to it.
#[derive(Debug)]
pub(crate) struct MapPlaces {
    /// Maps by section and offset of their definition.
    definitions: BTreeMap<(usize, u64), (usize, Definition)>,
    /// The map of each section of data.
    pub(crate) data: Vec<Option<usize>>,
}

impl MapPlaces {
    pub(crate) fn new(sections: usize) -> MapPlaces {
        MapPlaces { definitions: BTreeMap::new(), data: alloc::vec![None; sections] }
    }

    pub(crate) fn define(&mut self, map: usize, definition: Definition) {
        self.definitions.insert((definition.section, definition.offset), (map, definition));
    }

    /// Whether a section holds definitions.
    pub(crate) fn defines(&self, section: usize) -> bool {
        self.definitions.range((section, 0)..=(section, u64::MAX)).next().is_some()
    }

    /// The map whose definition starts at this byte of a section.
    pub(crate) fn at(&self, section: usize, offset: u64) -> Option<usize> {
        self.definitions.get(&(section, offset)).map(|d| d.0)
    }

    /// The map whose definition this byte of a section is part of.
    pub(crate) fn around(&self, section: usize, offset: u64) -> Option<(usize, Definition)> {
        let (_, &(map, definition)) = self.definitions.range((section, 0)..=(section, offset)).next_back()?;
        (offset - definition.offset < definition.size).then_some((map, definition))
    }
}

/// The maps of `.maps`, in the order of their offsets.
pub(crate) fn btf_maps(elf: &Elf<'_>, btf: Option<&Btf<'_>>) -> Result<Vec<(MapSpec, Definition)>, ParseError> {
    let Some((index, section)) = elf.section(".maps") else { return Ok(Vec::new()) };
    if section.size == 0 {
        return Ok(Vec::new());
    }
    let btf = btf.ok_or_else(|| section.error(0, ParseCause::NoBtf))?;
    let datasec = btf.find(".maps", Kind::Datasec).and_then(|id| btf.ty(id));
    let Some(TypeDef::Datasec(datasec)) = datasec.map(|t| t.def) else { return Err(section.error(0, ParseCause::NoBtf)) };

    let mut maps = Vec::with_capacity(datasec.vars().len());
    for var in datasec.vars() {
        let Some((name, TypeDef::Var { ty, .. })) = btf.ty(var.ty).map(|t| (t.name, t.def)) else { continue };
        // clang leaves the offsets of global variables to their symbols.
        let symbol = elf.symbols.iter().find(|s| s.place == Place::Section(index) && s.name == name);
        let offset = symbol.map_or(u64::from(var.offset), |s| s.value);
        let size = u64::from(var.size);
        if offset.checked_add(size).is_none_or(|end| end > section.size) {
            return Err(section.error(offset, ParseCause::CutShort { what: "definition of a map" }));
        }
        let reader = Reader { btf, section, map: name, offset };
        let (map, values) = reader.map(ty, false)?;
        maps.push((map, Definition { section: index, offset, size, values }));
    }
    maps.sort_by_key(|(_, place)| place.offset);
    Ok(maps)
}

/// Reads one definition.
struct Reader<'a> {
    btf: &'a Btf<'a>,
    section: &'a Section<'a>,
    map: &'a str,
    offset: u64,
}

impl<'a> Reader<'a> {
    fn error(&self, cause: MapCause) -> ParseError {
        self.section.error(self.offset, ParseCause::Map { map: self.map.to_owned(), cause })
    }

    fn btf_error(&self, e: BtfError) -> ParseError {
        ParseError { section: ".BTF".to_owned(), offset: e.offset.into(), cause: ParseCause::Btf(e) }
    }

    fn resolve(&self, id: TypeId) -> Result<(TypeId, TypeDef<'a>), ParseError> {
        self.btf.resolve(id).map(|(id, t)| (id, t.def)).map_err(|e| self.btf_error(e))
    }

    /// What a pointer member points to.
    fn pointee(&self, m: &Member<'_>) -> Result<TypeId, ParseError> {
        match self.resolve(m.ty)?.1 {
            TypeDef::Ptr(to) => Ok(to),
            _ => Err(self.error(MapCause::Member(m.name.to_owned()))),
        }
    }

    /// `__uint(name, n)` is `int (*name)[n]`, `__ulong(name, n)` an enumeration with one value.
    fn number(&self, m: &Member<'_>) -> Result<u64, ParseError> {
        let malformed = || self.error(MapCause::Member(m.name.to_owned()));
        if let TypeDef::Enum(e) = self.resolve(m.ty)?.1 {
            return e.values().next().map(|v| v.1).ok_or_else(malformed);
        }
        match self.resolve(self.pointee(m)?)?.1 {
            TypeDef::Array { nelems, .. } => Ok(nelems.into()),
            _ => Err(malformed()),
        }
    }

    fn number32(&self, m: &Member<'_>) -> Result<u32, ParseError> {
        u32::try_from(self.number(m)?).map_err(|_| self.error(MapCause::Member(m.name.to_owned())))
    }

    /// Size by `__type(key, T)` and by `__uint(key_size, n)`: they have to agree.
    fn set_size(&self, of: &'static str, place: &mut Option<u32>, size: u32) -> Result<(), ParseError> {
        match place.replace(size) {
            Some(first) if first != size => Err(self.error(MapCause::Sizes { of, first, second: size })),
            _ => Ok(()),
        }
    }

    /// The definition by a variable's type; also where in it `values` begin. An inner map has neither values nor a pin.
    fn map(&self, id: TypeId, is_inner: bool) -> Result<(MapSpec, Option<u64>), ParseError> {
        let TypeDef::Struct(def) = self.resolve(id)?.1 else { return Err(self.error(MapCause::NotAStruct)) };
        let mut map = MapSpec { name: self.map.to_owned(), ..MapSpec::default() };
        let (mut map_type, mut key_size, mut value_size, mut values) = (None, None, None, None);
        for m in def.members() {
            let size_of = |id| self.btf.size_of(id).map_err(|e| self.btf_error(e));
            match m.name {
                "type" => map_type = Some(self.number32(&m)?),
                "max_entries" => map.max_entries = self.number32(&m)?,
                "map_flags" => map.map_flags = self.number32(&m)?,
                "map_extra" => map.map_extra = self.number(&m)?,
                "numa_node" => map.numa_node = Some(self.number32(&m)?),
                "key_size" => self.set_size("key", &mut key_size, self.number32(&m)?)?,
                "value_size" => self.set_size("value", &mut value_size, self.number32(&m)?)?,
                "key" => {
                    map.btf_key_type_id = self.pointee(&m)?;
                    self.set_size("key", &mut key_size, size_of(map.btf_key_type_id)?)?;
                }
                "value" => {
                    map.btf_value_type_id = self.pointee(&m)?;
                    self.set_size("value", &mut value_size, size_of(map.btf_value_type_id)?)?;
                }
                "pinning" if !is_inner => {
                    map.pinning = match self.number(&m)? {
                        0 => Pinning::None,
                        1 => Pinning::ByName,
                        _ => return Err(self.error(MapCause::Member(m.name.to_owned()))),
                    }
                }
                "values" if !is_inner => values = Some((u64::from(m.bit_offset / 8), m)),
                "values" => return Err(self.error(MapCause::Values)),
                other => return Err(self.error(MapCause::Unknown(other.to_owned()))),
            }
        }
        map.map_type = map_type.ok_or_else(|| self.error(MapCause::NoType))?;
        map.key_size = key_size.unwrap_or(0);
        map.value_size = value_size.unwrap_or(0);
        let Some((values_at, values)) = values else { return Ok((map, None)) };

        // `__array(values, T)` is an array of pointers to T without a length.
        let element = match self.resolve(values.ty)?.1 {
            TypeDef::Array { elem, .. } => self.resolve(elem)?.1,
            _ => return Err(self.error(MapCause::Member("values".to_owned()))),
        };
        let TypeDef::Ptr(target) = element else { return Err(self.error(MapCause::Member("values".to_owned()))) };
        match map.kind() {
            Some(MapType::ProgArray) => {}
            Some(MapType::ArrayOfMaps | MapType::HashOfMaps) => map.inner = Some(Box::new(self.map(target, true)?.0)),
            _ => return Err(self.error(MapCause::Values)),
        }
        // Keys and values are handles: their sizes need not be said.
        if map.value_size == 0 {
            map.value_size = 4;
        }
        if map.key_size == 0 && map.kind() != Some(MapType::HashOfMaps) {
            map.key_size = 4;
        }
        Ok((map, Some(values_at)))
    }
}
