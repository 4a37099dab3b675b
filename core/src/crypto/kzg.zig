//! The point evaluation precompile: that the polynomial behind a blob's commitment has the value y at z.
//!
//! Spec: EIP-4844, "Point evaluation precompile"; consensus-specs, deneb/polynomial-commitments, `verify_kzg_proof`.

const std = @import("std");
const curve = @import("bls12_381/curve.zig");
const encoding = @import("bls12_381/encoding.zig");
const Product = @import("bls12_381/pairing.zig").Product;

const Fp = curve.Fp;
const G1 = curve.G1;
const G2 = curve.G2;

const versioned_hash_version = 0x01;

const generator_g1: G1.Affine = .{
    .x = Fp.constant(0x17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb),
    .y = Fp.constant(0x08b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1),
};

const generator_g2: G2.Affine = .{
    .x = curve.Fp2.constant(
        0x024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8,
        0x13e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e,
    ),
    .y = curve.Fp2.constant(
        0x0ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801,
        0x0606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be,
    ),
};

/// [tau]G2 of Ethereum's KZG ceremony (2023): `g2_monomial[1]` of consensus-specs' trusted_setup_4096.json, and the line 2 + 4096 + 1, counted from 0,
/// of the kzg_trusted_setup.txt that py-evm and c-kzg-4844 ship. tests/core/test_curves_kzg.py compares it with that file.
pub const tau_g2: G2.Affine = .{
    .x = curve.Fp2.constant(
        0x185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2,
        0x15bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72,
    ),
    .y = curve.Fp2.constant(
        0x014353bdb96b626dd7d5ee8599d1fca2131569490e28de18e82451a496a9c9794ce26d105941f383ee689bfbbb832a99,
        0x1666c54b0a32529503432fcae0181b4bef79de09fc63671fda5ed1ba9bfa07899495346f3d7ac9cd23048ef30d0a154f,
    ),
};

/// Whether the input (versioned hash, z, y, commitment, proof) holds; anything malformed does not.
pub fn verifyPointEvaluation(input: *const [192]u8) bool {
    const versioned_hash = input[0..32];
    const commitment_bytes = input[96..144];
    var hash: [32]u8 = undefined;
    std.crypto.hash.sha2.Sha256.hash(commitment_bytes, &hash, .{});
    hash[0] = versioned_hash_version;
    if (!std.mem.eql(u8, versioned_hash, &hash)) return false;

    const z = std.mem.readInt(u256, input[32..64], .big);
    const y = std.mem.readInt(u256, input[64..96], .big);
    if (z >= curve.r or y >= curve.r) return false;
    const commitment = encoding.readCompressedG1(commitment_bytes) orelse return false;
    const proof = encoding.readCompressedG1(input[144..192]) orelse return false;

    // e(C - y G1, G2) = e(proof, tau G2 - z G2), with all that varies taken to G1: e(C - y G1 + z proof, G2) e(-proof, tau G2) = 1.
    var terms: [4]G1.Term = undefined;
    setTerms(terms[0..2], generator_g1.neg(), y);
    setTerms(terms[2..4], proof, z);
    const left = G1.sum(&terms).addAffine(commitment).toAffine();
    var product: Product = .{};
    product.add(left, generator_g2);
    product.add(proof.neg(), tau_g2);
    return product.isOne();
}

fn setTerms(terms: *[2]G1.Term, point: G1.Affine, scalar: u256) void {
    var multiples: [G1.odd_multiples]G1.Affine = undefined;
    G1.normalise(&G1.oddMultiples(point), &multiples);
    curve.setTermsG1(terms, &multiples, scalar);
}
