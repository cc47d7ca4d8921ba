import AssayBundle
import AssayCrypto
import AssayDomain
import AssayRegistry
import Foundation
import Testing

struct ModelSignatureTests {
    private func file(_ path: String, _ content: String = "x") -> VersionFile {
        VersionFile(path: path, digest: Digest.sha256(of: content.utf8), size: Int64(content.utf8.count))
    }

    private func verify(_ bundle: [UInt8], _ files: [VersionFile], _ trusted: [PublicKey]) -> ErrorCode? {
        code { _ = try signer(of: bundle, files: files, trusted: trusted) }
    }

    /// The fixture's files, signature and key, made by the reference tool.
    private func reference() throws -> (files: [VersionFile], bundle: [UInt8], key: PublicKey) {
        let folder = fixture("signatures/reference")
        let files = try ["config.json", "model.onnx", "weights-1.bin", "weights/part-1.bin"].map { path in
            let content = try Data(contentsOf: folder.appendingPathComponent("model/\(path)"))
            return VersionFile(path: path, digest: Digest.sha256(of: content), size: Int64(content.count))
        }
        let bundle = [UInt8](try Data(contentsOf: folder.appendingPathComponent("model.sig")))
        let pem = try String(contentsOf: folder.appendingPathComponent("key.pub.pem"), encoding: .utf8)
        return (files, bundle, try PublicKey(pem: pem))
    }

    @Test func `a signature of the reference tool verifies`() throws {
        let (files, bundle, key) = try reference()
        #expect(try signer(of: bundle, files: files, trusted: [key]) == key.id)
        #expect(try ModelSignature(parsing: bundle).keyID == key.id)
    }

    @Test func `a changed, missing, extra or renamed file fails a reference signature`() throws {
        let (files, bundle, key) = try reference()
        #expect(verify(bundle, Array(files.dropFirst()) + [file("config.json")], [key]) == .digestMismatch)
        #expect(verify(bundle, Array(files.dropLast()), [key]) == .digestMismatch)
        #expect(verify(bundle, files + [file("extra")], [key]) == .unsigned)
        #expect(verify(bundle, files + [file(".gitattributes")], [key]) == .unsigned)
        #expect(verify(bundle, [], [key]) == .digestMismatch)
        #expect(verify(bundle, files, [try PrivateKey.generate().publicKey]) == .untrustedKey)
        #expect(verify(bundle, files, []) == .untrustedKey)
    }

    @Test(arguments: Curve.allCases)
    func `what is signed here verifies here`(curve: Curve) throws {
        let key = try PrivateKey.generate(curve)
        let files = [file("b/c"), file("b-c"), file("ü 1")]
        let bundle = try ModelSignature.sign(files, name: "digits", key: key)
        #expect(try signer(of: bundle, files: files.reversed(), trusted: [key.publicKey]) == key.publicKey.id)
        #expect(verify(bundle, [file("b/c", "y")] + files.dropFirst(), [key.publicKey]) == .digestMismatch)
    }

    @Test func `the bundle has the members that the format has`() throws {
        let key = try PrivateKey.generate()
        let bundle = try ModelSignature.sign([file("a")], name: "m", key: key)
        let text = String(decoding: bundle, as: UTF8.self)
        #expect(text.hasPrefix(#"{"dsseEnvelope":{"payload":""#))
        #expect(text.contains(#""mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json""#))
        let material = #""verificationMaterial":{"publicKey":{"hint":"\#(key.publicKey.id)"},"tlogEntries":[]}"#
        #expect(text.contains(material))
        #expect(text.contains(#""keyid":"""#))
    }

    @Test func `one name in two forms of Unicode is two files`() throws {
        let key = try PrivateKey.generate()
        let (composed, decomposed) = ("\u{E9}.txt", "e\u{301}.txt")
        let bundle = try ModelSignature.sign([file(composed)], name: "m", key: key)
        #expect(verify(bundle, [file(decomposed)], [key.publicKey]) == .unsigned)
        let both = [file(composed, "1"), file(decomposed, "2")]
        #expect(verify(bundle, both, [key.publicKey]) != nil)
        let whole = try ModelSignature.sign(both, name: "m", key: key)
        #expect(verify(whole, both, [key.publicKey]) == nil)
        let swapped = [file(composed, "2"), file(decomposed, "1")]
        #expect(verify(whole, swapped, [key.publicKey]) == .digestMismatch)
    }

    @Test func `a mark that combines with a slash hides no folder`() {
        #expect(ModelSignature.ignores(path: ".git/\u{301}config"))
        #expect(!ModelSignature.ignores(path: ".git\u{301}/config"))
    }

    @Test(arguments: [
        ("logs", "logs", true), ("logs", "logs/a", true), ("logs/", "logs/a", true), ("./logs", "logs/a/b", true),
        ("logs", "logs2", false), ("logs/a", "logs", false), ("\u{E9}", "e\u{301}", false), ("..", "a", false),
        ("", "a", false), (".", "a", false), ("/logs", "logs", true),
    ])
    func `what a signer passed over is a path and what is below it`(ignored: String, path: String, covers: Bool) throws
    {
        let key = try PrivateKey.generate()
        let bundle = try ModelSignature.sign([file("a")], name: "m", key: key)
        let text = String(
            decoding: try DSSEEnvelope(parsing: SigstoreBundle(reading: bundle)?.envelope ?? []).payload,
            as: UTF8.self)
        let payload = text.replacing(#""ignore_paths":["#, with: "\"ignore_paths\":[\"\(ignored)\",")
        #expect(payload != text)
        let envelope = try DSSEEnvelope(signing: Array(payload.utf8), type: MediaType.inToto, key: key, keyID: "")
        let signature = try ModelSignature(
            parsing: Array(
                String(decoding: bundle, as: UTF8.self).replacing(
                    /"dsseEnvelope":\{.*\},"mediaType"/,
                    with: "\"dsseEnvelope\":\(String(decoding: envelope.encoded(), as: UTF8.self)),\"mediaType\""
                ).utf8))
        #expect(try signature.ignoredPaths().covers(path) == covers)
    }

    @Test(arguments: [".git/config", ".gitignore", ".gitattributes", ".github/x", "model.sig", "model.sig/x"])
    func `files that verifiers pass over cannot be signed`(path: String) throws {
        #expect(ModelSignature.ignores(path: path))
        #expect(!ModelSignature.ignores(path: "a/\(path)"))
        let key = try PrivateKey.generate()
        #expect(code { _ = try ModelSignature.sign([file("a"), file(path)], name: "m", key: key) } == .pathUnsafe)
    }

    @Test func `no files, unsafe and double paths cannot be signed`() throws {
        let key = try PrivateKey.generate()
        #expect(code { _ = try ModelSignature.sign([], name: "m", key: key) } == .requestInvalid)
        #expect(code { _ = try ModelSignature.sign([file("../a")], name: "m", key: key) } == .pathUnsafe)
        #expect(code { _ = try ModelSignature.sign([file("a"), file("a")], name: "m", key: key) } == .pathUnsafe)
    }

    @Test func `any other form of bundle is refused`() throws {
        let key = try PrivateKey.generate()
        let files = [file("a")]
        let bundle = try ModelSignature.sign(files, name: "m", key: key)
        let changes: [(inout [String: Any]) -> Void] = [
            { $0["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.3" },
            { $0["other"] = 1 },
            { $0["verificationMaterial"] = ["certificate": ["rawBytes": "AA=="]] },
            { $0["verificationMaterial"] = ["publicKey": ["hint": key.publicKey.id], "tlogEntries": [["a": 1]]] },
            { $0["dsseEnvelope"] = nil },
        ]
        #expect(verify(bundle, files, [key.publicKey]) == nil)
        for change in changes {
            #expect(verify(try changed(bundle, change), files, [key.publicKey]) == .signatureInvalid)
        }
        for hint in [["hint": ""], [:]] {
            let unnamed = try changed(bundle) { $0["verificationMaterial"] = ["publicKey": hint] }
            #expect(verify(unnamed, files, [key.publicKey]) == nil)
        }
        #expect(verify([], files, [key.publicKey]) == .signatureInvalid)
    }

    @Test func `signed statements that lie are refused`() throws {
        let key = try PrivateKey.generate()
        let digest = file("a").digest
        let list = #"[{"algorithm":"sha256","digest":"\#(digest.hex)","name":"a"}]"#
        let plain = #"{"hash_type":"sha256","method":"files"}"#
        let root = Digest.sha256(of: digest.bytes).hex
        #expect(verify(try signed(key, root: root, list: list, how: plain), [file("a")], [key.publicKey]) == nil)
        let wrongRoot = try signed(key, root: digest.hex, list: list, how: plain)
        #expect(verify(wrongRoot, [file("a")], [key.publicKey]) == .digestMismatch)
        for (list, how) in [
            (list, #"{"hash_type":"sha256","method":"shards"}"#), (list, #"{"hash_type":"blake2b","method":"files"}"#),
            (list, #"{"hash_type":"sha256","method":"files","allow_symlinks":true}"#),
            ("[]", plain), (list.replacingOccurrences(of: "sha256", with: "sha512"), plain),
        ] {
            let bundle = try signed(key, root: root, list: list, how: how)
            #expect(verify(bundle, [file("a")], [key.publicKey]) == .signatureInvalid)
        }
    }

    private func signed(_ key: PrivateKey, root: String, list: String, how: String) throws -> [UInt8] {
        let statement =
            #"{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"\#(root)"}}],"#
            + #""predicateType":"https://model_signing/signature/v1.0","#
            + #""predicate":{"resources":\#(list),"serialization":\#(how)}}"#
        let envelope = try DSSEEnvelope(signing: Array(statement.utf8), type: MediaType.inToto, key: key)
        let frame = try ModelSignature.sign([file("a")], name: "m", key: key)
        let json = try JSONSerialization.jsonObject(with: Data(envelope.encoded()))
        return try changed(frame) { $0["dsseEnvelope"] = json }
    }

    @Test func `every damaged byte of a payload is noticed`() throws {
        let key = try PrivateKey.generate()
        let files = [file("a")]
        let bundle = try ModelSignature.sign(files, name: "m", key: key)
        let start = Array(#"{"dsseEnvelope":{"payload":""#.utf8).count
        for index in start..<start + 200 {
            var damaged = bundle
            damaged[index] ^= 1
            #expect(verify(damaged, files, [key.publicKey]) != nil)
        }
    }
}
