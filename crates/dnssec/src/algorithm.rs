//! The five algorithms that are understood (RFC 5702, RFC 6605, RFC 8080): what a public key of each looks like, and when a signature of it is right.
//! `spec/dnssec.md` §4.4. Libraries do the arithmetic; which bytes are a key, and which verdict counts where verdicts differ, is said here.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, EcdsaVerificationAlgorithm, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use ed25519_dalek::{Signature, VerifyingKey};

use crate::limits::{RSA_BITS_MAX, RSA_BITS_MIN, RSA_EXPONENT_BITS};

/// An algorithm that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    RsaSha256,
    RsaSha512,
    EcdsaP256,
    EcdsaP384,
    Ed25519,
}

impl Algorithm {
    /// By its number in DNSKEY, DS and RRSIG records.
    pub(crate) fn of(number: u8) -> Option<Algorithm> {
        match number {
            8 => Some(Algorithm::RsaSha256),
            10 => Some(Algorithm::RsaSha512),
            13 => Some(Algorithm::EcdsaP256),
            14 => Some(Algorithm::EcdsaP384),
            15 => Some(Algorithm::Ed25519),
            _ => None,
        }
    }

    /// Whether the owner of a public key, in the form of a DNSKEY record, has signed a message. A key that is not of that form has signed nothing.
    pub(crate) fn verify(self, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        match self {
            Algorithm::RsaSha256 => rsa(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, key, message, signature),
            Algorithm::RsaSha512 => rsa(&RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, key, message, signature),
            Algorithm::EcdsaP256 => ecdsa(&ECDSA_P256_SHA256_FIXED, 64, key, message, signature),
            Algorithm::EcdsaP384 => ecdsa(&ECDSA_P384_SHA384_FIXED, 96, key, message, signature),
            Algorithm::Ed25519 => ed25519(key, message, signature).is_some(),
        }
    }
}

/// A key of RFC 3110 §2, with an exponent whose length one octet says; a signature of RFC 8017 §8.2 that is as long as the modulus.
fn rsa(parameters: &RsaParameters, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Some((exponent, modulus)) = rsa_key(key) else { return false };
    let components = RsaPublicKeyComponents { n: modulus, e: exponent };
    signature.len() == modulus.len() && components.verify(parameters, message, signature).is_ok()
}

/// Exponent and modulus: odd numbers within their limits, without zeros before them. An exponent of 1 would sign everything.
fn rsa_key(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = key.split_first()?;
    let (exponent, modulus) = rest.split_at_checked(usize::from(*length))?;
    let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    let good = odd(exponent)
        && odd(modulus)
        && (2..=RSA_EXPONENT_BITS).contains(&bits(exponent)?)
        && (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits(modulus)?);
    good.then_some((exponent, modulus))
}

/// How many bits a number has that does not begin with a zero octet.
fn bits(number: &[u8]) -> Option<usize> {
    let first = number.first().filter(|first| **first != 0)?;
    Some(number.len() * 8 - first.leading_zeros() as usize)
}

/// A key of RFC 6605 §4: both coordinates of a point; a signature of the same length: r and s, of any s below the order.
fn ecdsa(algorithm: &'static EcdsaVerificationAlgorithm, length: usize, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    if key.len() != length || signature.len() != length {
        return false;
    }
    // The sign of a point that is not compressed (SEC 1 §2.3.3), which DNSKEY records leave out.
    let point = [&[0x04], key].concat();
    UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
}

/// A key of RFC 8080 §3; the verdict of `spec/statements.md` §2.2 and §2.3, which is the strict one.
fn ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let bytes: &[u8; 32] = key.try_into().ok()?;
    // The library keeps the bytes that it was given; a second spelling of a point is refused here.
    let key = VerifyingKey::from_bytes(bytes).ok().filter(|key| key.to_edwards().compress().as_bytes() == bytes)?;
    key.verify_strict(message, &Signature::from_bytes(signature.try_into().ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key whose modulus has so many bits, and is odd.
    fn rsa_with(exponent: &[u8], bits: usize) -> Vec<u8> {
        let mut modulus = vec![0; bits.div_ceil(8)];
        modulus[0] = 1 << ((bits - 1) % 8);
        *modulus.last_mut().unwrap() |= 1;
        [&[exponent.len() as u8], exponent, &modulus].concat()
    }

    #[test]
    fn an_rsa_key_has_numbers_within_limits() {
        let good = |exponent: &[u8], bits: usize| rsa_key(&rsa_with(exponent, bits)).is_some();
        let largest = [1, 0xff, 0xff, 0xff, 0xff];
        for bits in [1_024, 1_025, 2_048, 4_095, 4_096] {
            assert!(good(&[1, 0, 1], bits) && good(&[3], bits) && good(&largest, bits), "{bits}");
        }
        for bits in [512, 1_023, 4_097, 8_192] {
            assert!(!good(&[1, 0, 1], bits), "{bits}");
        }
        // None, one that leaves everything as it is, an even one, a zero before it, 34 bits, three octets of length.
        for exponent in [&[][..], &[1], &[2], &[0, 3], &[2, 0, 0, 0, 1], &[0, 0, 3]] {
            assert!(!good(exponent, 2_048), "{exponent:?}");
        }
        let key = rsa_with(&[3], 2_048);
        let even = [&key[..key.len() - 1], &[2]].concat();
        let zero_before = [&key[..2], &[0], &key[2..]].concat();
        assert!(rsa_key(&even).is_none() && rsa_key(&zero_before).is_none());
        assert!(rsa_key(&[]).is_none() && rsa_key(&[9, 1]).is_none() && rsa_key(&[1, 3]).is_none());
        // The longer form of a length, of an exponent that is short.
        assert!(rsa_key(&[&[0, 0, 1, 3], &key[2..]].concat()).is_none());
    }

    #[test]
    fn a_key_of_another_form_has_signed_nothing() {
        for algorithm in [8, 10, 13, 14, 15].map(|number| Algorithm::of(number).unwrap()) {
            for length in [0, 1, 31, 32, 33, 64, 65, 96, 97, 260] {
                for byte in [0, 1, 0xff] {
                    assert!(!algorithm.verify(&vec![byte; length], b"message", &vec![byte; length]), "{algorithm:?} {length} {byte}");
                }
            }
        }
    }

    #[test]
    fn a_weak_ed25519_key_has_signed_nothing() {
        // The identity as key and as R, with s = 0: without the strict rule, right for every message.
        let identity = [&[1][..], &[0; 31]].concat();
        let signature = [&identity[..], &[0; 32]].concat();
        assert!(!Algorithm::Ed25519.verify(&identity, b"message", &signature));
        // The same point in a second spelling: y = p + 1.
        let spelled = [&[0xee][..], &[0xff; 30], &[0x7f]].concat();
        assert!(!Algorithm::Ed25519.verify(&spelled, b"message", &signature));
    }

    #[test]
    fn five_algorithms_are_understood() {
        let understood: Vec<u8> = (0..=255).filter(|number| Algorithm::of(*number).is_some()).collect();
        assert_eq!(understood, [8, 10, 13, 14, 15]);
    }
}
