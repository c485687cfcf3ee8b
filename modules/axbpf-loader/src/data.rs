//! Global variables: sections of data as maps, and names that the kernel or the host defines.
use alloc::{borrow::ToOwned, string::String, vec::Vec};

use axbpf_abi::{MapType, flags::BPF_F_RDONLY_PROG};
use axbpf_btf::{Btf, Kind, TypeDef, TypeId};

use crate::{
    Data, MapSpec, ParseCause, ParseError,
    elf::{Content, Elf, Place, SymbolKind},
};

/// A global variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variable {
    /// Its name; of a variable local to a function, `function.name`.
    pub name: String,
    /// Byte in its section.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
    /// Its type in the object's BTF; `void`: unknown.
    pub type_id: TypeId,
}

/// A name that a program uses and the object does not define.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extern {
    /// The name.
    pub name: String,
    /// Who is to define it.
    pub kind: ExternKind,
    /// Whether it may be missing: it is 0 then.
    pub weak: bool,
}

/// Who defines an [`Extern`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExternKind {
    /// The host (`__kconfig`: LINUX_KERNEL_VERSION, CONFIG_*), as a variable of the map `.kconfig`.
    Kconfig {
        /// Byte in that map's value.
        offset: u32,
        /// Whether the host has set it.
        set: bool,
    },
    /// The kernel: the address of a symbol (`__ksym` of type void), or of a variable with a type.
    Ksym {
        /// Its type in the object's BTF; `void`: only the address counts.
        type_id: TypeId,
    },
    /// The kernel: a function that programs may call (`__ksym`).
    Kfunc {
        /// Its function type in the object's BTF.
        type_id: TypeId,
    },
    /// Nobody is named: the object is to be linked with another one first.
    Unknown,
}

impl ExternKind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            ExternKind::Kconfig { .. } => "kconfig value",
            ExternKind::Ksym { .. } => "kernel symbol",
            ExternKind::Kfunc { .. } => "kernel function",
            ExternKind::Unknown => "symbol",
        }
    }
}

/// Which of libbpf's sections of data this is, and whether programs may write to it.
fn is_data(name: &str) -> Option<bool> {
    let is = |base: &str| name.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if is(".rodata") { Some(false) } else { (is(".data") || is(".bss")).then_some(true) }
}

fn data_map(name: &str, value_size: u32, writable: bool, data: Data, type_id: TypeId) -> MapSpec {
    MapSpec {
        name: name.to_owned(),
        map_type: MapType::Array as u32,
        key_size: 4,
        value_size,
        max_entries: 1,
        map_flags: if writable { 0 } else { BPF_F_RDONLY_PROG },
        frozen: !writable,
        data: Some(data),
        btf_value_type_id: type_id,
        ..MapSpec::default()
    }
}

/// One map for each section of data, with the section, in the order of sections.
pub(crate) fn maps(elf: &Elf<'_>, btf: Option<&Btf<'_>>) -> Result<Vec<(usize, MapSpec)>, ParseError> {
    let mut maps = Vec::new();
    for (index, section) in elf.sections.iter().enumerate() {
        let Some(writable) = is_data(section.name) else { continue };
        if !matches!(section.content, Content::Data | Content::Zeroes) || section.size == 0 {
            continue;
        }
        let size = u32::try_from(section.size).map_err(|_| section.error(0, ParseCause::DataSize(section.size)))?;
        let type_id = btf.and_then(|btf| btf.find(section.name, Kind::Datasec)).unwrap_or_default();
        let mut vars = Vec::new();
        for s in elf.symbols_in(index).filter(|s| s.kind == SymbolKind::Object && !s.name.is_empty()) {
            if s.value.checked_add(s.size).is_none_or(|end| end > section.size) {
                return Err(section.error(s.value, ParseCause::CutShort { what: "variable" }));
            }
            // Both fit: the section's size does.
            vars.push(Variable { name: s.name.to_owned(), offset: s.value as u32, size: s.size as u32, type_id: TypeId::VOID });
        }
        if let Some(btf) = btf {
            type_variables(btf, type_id, &mut vars);
        }
        vars.sort_by_key(|v| v.offset);
        maps.push((index, data_map(section.name, size, writable, Data { bytes: section.data.to_owned(), vars }, type_id)));
    }
    Ok(maps)
}

/// Gives the variables of a section their types, by name.
fn type_variables(btf: &Btf<'_>, datasec: TypeId, vars: &mut [Variable]) {
    let Some(TypeDef::Datasec(datasec)) = btf.ty(datasec).map(|t| t.def) else { return };
    for var in datasec.vars() {
        let Some((name, TypeDef::Var { ty, .. })) = btf.ty(var.ty).map(|t| (t.name, t.def)) else { continue };
        // A variable local to a function has the function's name in its symbol only; its place tells it.
        let is_it = |v: &&mut Variable| v.name == name || v.offset == var.offset && v.name.rsplit('.').next() == Some(name);
        if let Some(found) = vars.iter_mut().find(is_it) {
            found.type_id = ty;
        }
    }
}

/// The undefined symbols, each with its index in the symbol table, and the map `.kconfig` if there are any for it.
pub(crate) type Externs = (Vec<(usize, Extern)>, Option<MapSpec>);

/// Finds out who is to define what the object does not.
pub(crate) fn externs(elf: &Elf<'_>, btf: Option<&Btf<'_>>) -> Result<Externs, ParseError> {
    let mut kconfig = Data::default();
    let mut kconfig_size = 0u32;
    let mut externs = Vec::new();
    for (index, symbol) in elf.symbols.iter().enumerate().skip(1).filter(|(_, s)| s.place == Place::Undefined && !s.name.is_empty()) {
        let declared = |section| btf.and_then(|btf| Some((btf, declared_in(btf, section, symbol.name)?)));
        let kind = if let Some((btf, (_, ty))) = declared(".kconfig") {
            let layout = btf.size_of(ty).and_then(|size| Ok((size, btf.align_of(ty)?)));
            let cause =
                |e: axbpf_btf::BtfError| ParseError { section: ".BTF".to_owned(), offset: e.offset.into(), cause: ParseCause::Btf(e) };
            let (size, align) = layout.map_err(cause)?;
            let offset = kconfig_size.checked_next_multiple_of(align);
            let end = offset.and_then(|o| o.checked_add(size));
            let too_large = || ParseError { section: ".kconfig".to_owned(), offset: 0, cause: ParseCause::DataSize(1 << 32) };
            let (offset, end) = offset.zip(end).ok_or_else(too_large)?;
            kconfig_size = end;
            kconfig.vars.push(Variable { name: symbol.name.to_owned(), offset, size, type_id: ty });
            ExternKind::Kconfig { offset, set: false }
        } else if let Some((btf, (id, ty))) = declared(".ksyms") {
            match btf.ty(id).map(|t| t.def) {
                Some(TypeDef::Func { .. }) => ExternKind::Kfunc { type_id: id },
                _ => ExternKind::Ksym { type_id: btf.resolve(ty).map_or(ty, |(id, _)| id) },
            }
        } else {
            ExternKind::Unknown
        };
        externs.push((index, Extern { name: symbol.name.to_owned(), kind, weak: symbol.weak }));
    }
    let map = (kconfig_size != 0).then(|| data_map(".kconfig", kconfig_size, false, kconfig, TypeId::VOID));
    Ok((externs, map))
}

/// The declaration of this name in a section of BTF, and its type.
fn declared_in(btf: &Btf<'_>, section: &str, name: &str) -> Option<(TypeId, TypeId)> {
    let TypeDef::Datasec(datasec) = btf.ty(btf.find(section, Kind::Datasec)?)?.def else { return None };
    datasec.vars().find_map(|var| {
        let ty = btf.ty(var.ty).filter(|t| t.name == name)?;
        match ty.def {
            TypeDef::Var { ty, .. } => Some((var.ty, ty)),
            _ => Some((var.ty, var.ty)),
        }
    })
}
