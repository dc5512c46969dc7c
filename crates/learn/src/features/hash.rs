//! A stable hash of texts: MurmurHash3, x86 variant of 32 bits (A. Appleby, public domain), seed 0, over UTF-8 bytes. The
//! same that scikit-learn's `FeatureHasher` and `HashingVectorizer` use.

use std::ops::Range;

use crate::{Values, features::text::text_of};

/// The hash of `bytes`.
pub(super) fn murmur3(bytes: &[u8]) -> i32 {
    let mix = |word: u32| word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let mut hash = 0_u32;
    let (words, tail) = bytes.as_chunks::<4>();
    for word in words {
        hash = (hash ^ mix(u32::from_le_bytes(*word))).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let mut last = [0; 4];
    last[..tail.len()].copy_from_slice(tail);
    hash ^= mix(u32::from_le_bytes(last));
    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)).cast_signed()
}

/// The feature among `size` that a text counts in, and the sign it counts with.
pub(super) fn place(text: &str, size: u32) -> (u32, f64) {
    let hash = murmur3(text.as_bytes());
    (hash.unsigned_abs() % size.max(1), if hash < 0 { -1.0 } else { 1.0 })
}

/// Writes the `size` features of a category's rows, one after the other, into `out`, which holds zeros.
pub(super) fn hash_category(values: &Values, size: u32, rows: Range<usize>, out: &mut [f64]) {
    let count = rows.len();
    for (at, row) in rows.enumerate() {
        if let Some(text) = text_of(values, row) {
            let (place, sign) = place(&text, size);
            out[place as usize * count + at] = sign;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::murmur3;

    #[test]
    fn hashes_are_those_of_scikit_learn() {
        // sklearn.utils.murmurhash3_32(text, seed=0), scikit-learn 1.9.1
        let expected = [
            ("", 0),
            ("a", 1_009_084_850),
            ("foo", -156_908_512),
            ("spam", -1_581_447_336),
            ("größer", -699_436_314),
            ("abcdefgh", 1_239_272_644),
        ];
        for (text, hash) in expected {
            assert_eq!(murmur3(text.as_bytes()), hash, "{text}");
        }
    }
}
