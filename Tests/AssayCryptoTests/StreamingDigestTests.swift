import AssayCrypto
import AssayDomain
import Testing

struct StreamingDigestTests {
    /// Examples of FIPS 180-4 as published by NIST.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ])
    func `SHA-256 gives the published values`(text: String, hex: String) {
        #expect(Digest.sha256(of: text.utf8).description == "sha256:\(hex)")
    }

    @Test func `SHA-512 gives the published value`() {
        let digest = Digest.of(Array("abc".utf8), algorithm: .sha512)
        #expect(digest.hex.hasPrefix("ddaf35a193617abacc417349ae204131"))
        #expect(digest.hex.hasSuffix("2a9ac94fa54ca49f"))
    }

    @Test func `pieces hash like the whole`() {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let digest = StreamingDigest()
        digest.update(bytes[..<1])
        digest.update([])
        digest.update(bytes[1..<70_000])
        digest.update(AnySequence(bytes[70_000...]))
        #expect(digest.finalize() == Digest.sha256(of: bytes))
    }
}
