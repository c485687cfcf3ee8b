//! What BTF says of functions and of map values.
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use axbpf_abi::MapFields;
use axbpf_btf::{Btf, Linkage, TypeDef, TypeId};

/// What a parameter of a global function has to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Param {
    /// A number.
    Scalar,
    /// The program's context.
    Ctx,
    /// Memory of so many bytes.
    Mem {
        /// Bytes.
        size: u32,
        /// May be null.
        nullable: bool,
    },
    /// A dynptr.
    Dynptr,
    /// Something else: the function cannot be verified on its own.
    Unknown,
}

/// A function that others may replace or call from elsewhere: verified once, for whatever its types allow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GlobalFunc {
    /// Its name.
    pub name: String,
    /// Its parameters.
    pub params: Vec<Param>,
    /// It returns a number, as it has to.
    pub returns_scalar: bool,
}

/// Structs that R1 points to, by the names that programs use.
const CONTEXTS: &[&str] = &[
    "__sk_buff",
    "xdp_md",
    "bpf_sock",
    "bpf_sock_ops",
    "sk_msg_md",
    "pt_regs",
    "bpf_user_pt_regs_t",
    "user_pt_regs",
    "user_regs_struct",
    "bpf_perf_event_data",
    "bpf_raw_tracepoint_args",
    "bpf_cgroup_dev_ctx",
    "bpf_sysctl",
    "bpf_sockopt",
    "sk_reuseport_md",
    "bpf_sk_lookup",
    "bpf_sock_addr",
    "bpf_nf_ctx",
];

impl GlobalFunc {
    /// The function of this BTF type, if it is global.
    pub fn of(btf: &Btf<'_>, func: TypeId) -> Option<GlobalFunc> {
        let ty = btf.ty(func)?;
        let TypeDef::Func { proto, linkage: Linkage::Global } = ty.def else { return None };
        let TypeDef::FuncProto(proto) = btf.ty(proto)?.def else { return None };
        let tags = |index: usize| {
            btf.types().filter_map(move |(_, ty)| match ty.def {
                TypeDef::DeclTag { target, component } if target == func && component == Some(index as u32) => Some(ty.name),
                _ => None,
            })
        };
        let params = proto.params().enumerate().map(|(i, (_, ty))| {
            let tags: Vec<&str> = tags(i).collect();
            param(btf, ty, &tags)
        });
        let returns = btf.resolve(proto.ret).map(|(_, ty)| ty.def);
        let returns_scalar = matches!(returns, Ok(TypeDef::Int { .. } | TypeDef::Enum(_)));
        Some(GlobalFunc { name: ty.name.to_string(), params: params.collect(), returns_scalar })
    }
}

fn param(btf: &Btf<'_>, ty: TypeId, tags: &[&str]) -> Param {
    if tags.contains(&"arg:ctx") {
        return Param::Ctx;
    }
    let Ok((_, resolved)) = btf.resolve(ty) else { return Param::Unknown };
    let to = match resolved.def {
        TypeDef::Int { .. } | TypeDef::Enum(_) => return Param::Scalar,
        TypeDef::Ptr(to) => to,
        _ => return Param::Unknown,
    };
    // A typedef's own name may be the context's.
    let named = |id: TypeId| btf.ty(id).map_or("", |ty| ty.name);
    let Ok((id, target)) = btf.resolve(to) else { return Param::Unknown };
    if CONTEXTS.contains(&named(to)) || CONTEXTS.contains(&target.name) {
        return Param::Ctx;
    }
    if target.name == "bpf_dynptr" {
        return Param::Dynptr;
    }
    match btf.size_of(id) {
        Ok(size) if size > 0 => Param::Mem { size, nullable: !tags.contains(&"arg:nonnull") },
        _ => Param::Unknown,
    }
}

/// The fields of a struct that programs only reach through helpers.
pub fn map_fields(btf: &Btf<'_>, value: TypeId) -> MapFields {
    let mut fields = MapFields::default();
    find_fields(&mut fields, btf, value, 0, 0);
    fields
}

fn find_fields(fields: &mut MapFields, btf: &Btf<'_>, ty: TypeId, base: u32, depth: u32) {
    let Ok((_, resolved)) = btf.resolve(ty) else { return };
    let members = match &resolved.def {
        TypeDef::Struct(of) if depth < 8 => of.members(),
        // Global variables: each is a member of its section.
        TypeDef::Datasec(section) if depth == 0 => {
            for var in section.vars() {
                if let Some(TypeDef::Var { ty, .. }) = btf.ty(var.ty).map(|ty| ty.def) {
                    find_fields(fields, btf, ty, var.offset, 1);
                }
            }
            return;
        }
        _ => return,
    };
    match resolved.name {
        "bpf_spin_lock" => fields.spin_lock = Some(base),
        "bpf_timer" => fields.timer = Some(base),
        _ => members.for_each(|member| find_fields(fields, btf, member.ty, base + member.bit_offset / 8, depth + 1)),
    }
}
