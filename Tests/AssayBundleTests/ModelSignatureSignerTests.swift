import AssayBundle
import AssayCrypto
import AssayDomain
import Testing

/// A signer whose key is elsewhere.
private struct RemoteSigner: MessageSigner {
    let publicKey: PublicKey
    let answer: @Sendable ([UInt8]) throws -> [UInt8]

    func sign(_ message: [UInt8]) throws -> [UInt8] { try answer(message) }
}

struct ModelSignatureSignerTests {
    private let file = VersionFile(path: "a", digest: Digest.sha256(of: [1]), size: 1)

    @Test func `a signer that is no key in memory signs a model`() throws {
        let key = try PrivateKey.generate()
        let signer = RemoteSigner(publicKey: key.publicKey) { try key.sign($0) }
        let bundle = try ModelSignature.sign([file], name: "m", key: signer)
        #expect(try AssayBundleTests.signer(of: bundle, files: [file], trusted: [key.publicKey]) == key.publicKey.id)
    }

    @Test func `what a signer throws is thrown`() throws {
        let key = try PrivateKey.generate().publicKey
        let signer = RemoteSigner(publicKey: key) { _ in throw AssayError(.signerFailed, "no device") }
        #expect(code { _ = try ModelSignature.sign([file], name: "m", key: signer) } == .signerFailed)
    }
}
