//! Maps as older objects define them: C structs of words in a section named `maps`, `maps/NAME` or `PROGRAM/maps`.
use alloc::{borrow::ToOwned, boxed::Box, vec::Vec};

use axbpf_abi::flags::BPF_F_NUMA_NODE;

use crate::{
    MapCause, MapSpec, ParseCause, ParseError, Pinning,
    elf::{Content, Elf, Section},
    map::Definition,
};

/// type, key_size, value_size, max_entries, map_flags: what every variant of the struct begins with.
const LEAST: u64 = 20;

fn is_maps(section: &Section<'_>) -> bool {
    section.content == Content::Data
        && section.size != 0
        && (section.name == "maps" || section.name.starts_with("maps/") || section.name.ends_with("/maps"))
}

/// The maps of every such section, in the order of sections and offsets.
pub(crate) fn maps(elf: &Elf<'_>) -> Result<Vec<(MapSpec, Definition)>, ParseError> {
    let mut all = Vec::new();
    for (index, section) in elf.sections.iter().enumerate().filter(|(_, s)| is_maps(s)) {
        // libbpf's rule: nothing says how long a definition is, so the section's size over the number of symbols does.
        let mut symbols: Vec<_> = elf.symbols_in(index).filter(|s| !s.name.is_empty()).collect();
        symbols.sort_by_key(|s| s.value);
        let Some(first) = symbols.first() else { continue };
        let stride = section.size / symbols.len() as u64;
        let error = |name: &str, offset, cause| section.error(offset, ParseCause::Map { map: name.to_owned(), cause });
        if stride < LEAST {
            return Err(error(first.name, 0, MapCause::Legacy { stride }));
        }
        let base = all.len();
        let mut inner_maps = Vec::new();
        for symbol in &symbols {
            let bytes = usize::try_from(symbol.value).ok().and_then(|at| section.data.get(at..)?.get(..stride as usize));
            let bytes = bytes.ok_or_else(|| section.error(symbol.value, ParseCause::CutShort { what: "definition of a map" }))?;
            let word = |i: usize| bytes.get(4 * i..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b));
            let mut map = MapSpec {
                name: symbol.name.to_owned(),
                map_type: word(0),
                key_size: word(1),
                value_size: word(2),
                max_entries: word(3),
                map_flags: word(4),
                ..MapSpec::default()
            };
            // What follows depends on whose struct it is. 28 bytes: the kernel's samples (inner_map_idx, numa_node) or aya (id, pinning);
            // 36 bytes: iproute2 (id, pinning, inner_id, inner_idx), whose pinning 1 and 2 differ in the folder only.
            let inner = match stride {
                28 if map.holds_maps() => Some(word(5)),
                36 if map.holds_maps() => Some(word(8)),
                _ => None,
            };
            if stride == 28 && map.map_flags & BPF_F_NUMA_NODE != 0 {
                map.numa_node = Some(word(6));
            } else if matches!(stride, 28 | 36) && matches!(word(6), 1 | 2) {
                map.pinning = Pinning::ByName;
            }
            inner_maps.extend(inner.map(|inner| (all.len(), inner)));
            all.push((map, Definition { section: index, offset: symbol.value, size: stride, values: None }));
        }
        for (outer, inner) in inner_maps {
            let (map, place): &(MapSpec, Definition) = &all[outer];
            let found = all[base..].get(inner as usize).filter(|(m, _)| !m.holds_maps());
            let (inner, _) = found.ok_or_else(|| error(&map.name, place.offset, MapCause::Inner(inner)))?;
            let inner = Box::new(inner.clone());
            all[outer].0.inner = Some(inner);
        }
    }
    Ok(all)
}
