import AssayBundle
import AssayCrypto
import AssayDomain
import Foundation
import Testing

struct ModelSignatureCertificateTests {
    /// A time at which the fixture's certificates count: 2050-01-01.
    private static let time = Timestamp(milliseconds: 2_524_608_000_000)

    private let files: [VersionFile]
    private let bundle: [UInt8]
    private let root: Certificate

    /// The fixture's files, signature and root, made by the reference tool.
    init() throws {
        let folder = fixture("signatures/certificate")
        files = try ["config.json", "model.onnx"].map { path in
            let content = try Data(contentsOf: folder.appendingPathComponent("model/\(path)"))
            return VersionFile(path: path, digest: Digest.sha256(of: content), size: Int64(content.count))
        }
        bundle = [UInt8](try Data(contentsOf: folder.appendingPathComponent("model.sig")))
        root = try Self.root("root")
    }

    private static func root(_ name: String) throws -> Certificate {
        let file = fixture("signatures/certificate/\(name).pem")
        return try Certificate(pem: String(contentsOf: file, encoding: .utf8))
    }

    private func refusal(
        _ bundle: [UInt8], files: [VersionFile]? = nil, roots: [Certificate]? = nil, at time: Timestamp = Self.time
    ) -> ErrorCode? {
        code {
            _ = try ModelSignature.verify(
                bundle, files: files ?? self.files, trusted: [], roots: roots ?? [root], at: time)
        }
    }

    /// The bundle with other certificates in it.
    private func changed(_ change: (inout [[String: Any]]) -> Void) throws -> [UInt8] {
        try AssayBundleTests.changed(bundle) { object in
            var material = object["verificationMaterial"] as? [String: Any] ?? [:]
            var chain = material["x509CertificateChain"] as? [String: Any] ?? [:]
            var certificates = chain["certificates"] as? [[String: Any]] ?? []
            change(&certificates)
            chain["certificates"] = certificates
            material["x509CertificateChain"] = chain
            object["verificationMaterial"] = material
        }
    }

    @Test func `a certificate signature of the reference tool verifies and names its signer`() throws {
        let signer = try ModelSignature.verify(
            bundle, files: files.reversed(), trusted: [], roots: [root], at: Self.time)
        #expect(signer.subject == "CN=Model Signer,O=Assay Tests")
        #expect(signer.rootID == root.id)
        #expect(signer.keyID.count == 64)
        #expect(try ModelSignature(parsing: bundle).keyID == nil)
        #expect(refusal(try changed { _ in }) == nil)
    }

    @Test func `a revoked key counts with no certificate either`() throws {
        let signer = try ModelSignature.verify(bundle, files: files, trusted: [], roots: [root], at: Self.time)
        let authority = TrustedKey(id: root.id, name: "root", pem: root.pem, role: .release, addedAt: Self.time)
        let key = TrustedKey(
            id: signer.keyID, name: "stolen", pem: "", role: .training, addedAt: Self.time, revokedAt: Self.time)
        #expect(try TrustedSigners([authority]).signer(of: bundle, over: files, at: Self.time) == authority)
        let refused = code {
            _ = try TrustedSigners([authority], revoked: [key]).signer(of: bundle, over: files, at: Self.time)
        }
        #expect(refused == .untrustedKey)
    }

    @Test func `a changed, missing or extra file fails a certificate signature`() throws {
        let other = VersionFile(path: "config.json", digest: Digest.sha256(of: [1]), size: 1)
        let extra = VersionFile(path: "extra", digest: Digest.sha256(of: [1]), size: 1)
        #expect(refusal(bundle, files: [other] + files.dropFirst()) == .digestMismatch)
        #expect(refusal(bundle, files: Array(files.dropLast())) == .digestMismatch)
        #expect(refusal(bundle, files: files + [extra]) == .unsigned)
    }

    @Test func `a certificate counts only within its dates`() {
        #expect(refusal(bundle, at: Timestamp(milliseconds: 1_577_836_799_999)) == .expired)
        #expect(refusal(bundle, at: Timestamp(milliseconds: 1_577_836_800_000)) == nil)
        #expect(refusal(bundle, at: Timestamp(milliseconds: 4_733_510_399_999)) == nil)
        #expect(refusal(bundle, at: Timestamp(milliseconds: 4_733_510_400_000)) == .expired)
    }

    @Test(arguments: ["roots/other", "roots/twin", "roots/rsa", "roots/past"])
    func `another root is no reason to trust`(name: String) throws {
        #expect(refusal(bundle, roots: [try Self.root(name)]) == .untrustedKey)
        #expect(refusal(bundle, roots: [try Self.root(name), root]) == nil)
    }

    @Test func `without roots a certificate signature is not trusted, whatever keys are`() throws {
        let key = try PrivateKey.generate().publicKey
        #expect(refusal(bundle, roots: []) == .untrustedKey)
        #expect(code { _ = try signer(of: bundle, files: files, trusted: [key]) } == .untrustedKey)
    }

    @Test func `a trusted root does not make a key trusted`() throws {
        let key = try PrivateKey.generate()
        let signed = try ModelSignature.sign(files, name: "m", key: key)
        #expect(refusal(signed) == .untrustedKey)
        let signer = try ModelSignature.verify(
            signed, files: files, trusted: [key.publicKey], roots: [root], at: Self.time)
        #expect(signer.keyID == key.publicKey.id)
        #expect(signer.subject == nil && signer.rootID == nil)
    }

    @Test func `a chain with another first certificate, a gap or a damage is refused`() throws {
        #expect(refusal(try changed { $0.swapAt(0, 1) }) == .signatureInvalid)
        #expect(refusal(try changed { $0.removeLast() }) == .untrustedKey)
        #expect(refusal(try changed { $0.removeFirst() }) == .signatureInvalid)
        #expect(refusal(try changed { $0.removeAll() }) == .signatureInvalid)
        #expect(refusal(try changed { $0 += Array(repeating: $0[1], count: 6) }) == nil)
        #expect(refusal(try changed { $0 += Array(repeating: $0[1], count: 7) }) == .signatureInvalid)
        for text in ["", "AA==", "MIIB", "!", String(repeating: "A", count: 100_000)] {
            #expect(refusal(try changed { $0[0] = ["rawBytes": text] }) == .signatureInvalid)
        }
        #expect(refusal(try changed { $0[0] = [:] }) == .signatureInvalid)
    }

    @Test func `another signer's certificate below the same root does not verify the signature`() throws {
        let file = fixture("signatures/certificate/chains/direct.pem")
        let other = try Certificate(pem: String(contentsOf: file, encoding: .utf8))
        let text = Data(other.der).base64EncodedString()
        #expect(refusal(try changed { $0[0] = ["rawBytes": text] }) == .signatureInvalid)
    }

    @Test func `a bundle of two modes, of the keyless one or with log entries is refused`() throws {
        let more: [(String, Any)] = [
            ("publicKey", ["hint": ""]), ("publicKey", [String: Any]()), ("certificate", ["rawBytes": "AA=="]),
            ("certificate", [String: Any]()), ("tlogEntries", [["logIndex": "1"]]),
        ]
        for (name, value) in more {
            let bundle = try AssayBundleTests.changed(bundle) { object in
                var material = object["verificationMaterial"] as? [String: Any] ?? [:]
                material[name] = value
                object["verificationMaterial"] = material
            }
            #expect(refusal(bundle) == .signatureInvalid)
            #expect(code { _ = try ModelSignature(parsing: bundle) } == .signatureInvalid)
        }
    }

    @Test func `every damaged byte of the payload and the signature is noticed`() throws {
        let text = String(decoding: bundle, as: UTF8.self)
        for member in [#""payload":""#, #""sig":""#] {
            let range = try #require(text.range(of: member))
            let start = text.utf8.distance(from: text.startIndex, to: range.upperBound)
            for index in start..<start + 90 {
                var damaged = bundle
                damaged[index] ^= 1
                #expect(refusal(damaged) != nil)
            }
        }
    }
}
