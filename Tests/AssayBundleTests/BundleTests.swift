import AssayArchive
import AssayBundle
import AssayCrypto
import AssayDomain
import AssayRegistry
import Foundation
import Testing

struct BundleTests {
    /// Keeps every blob that a reader hands over.
    private final class Collector: BundleSink {
        var blobs: [Digest: [UInt8]] = [:]
        private var current: [UInt8] = []
        private var record: BlobRecord?

        func begin(_ blob: BlobRecord) {
            record = blob
            current = []
        }

        func write(_ bytes: UnsafeRawBufferPointer) { current.append(contentsOf: bytes) }

        func end() { if let record { blobs[record.digest] = current } }
    }

    private func read(_ bytes: [UInt8], _ trusted: [PublicKey]) throws -> BundleContents {
        try BundleReader.read(BytesInput(bytes), trusted: trusted)
    }

    private func refusal(_ bytes: [UInt8], _ trusted: [PublicKey]) -> ErrorCode? {
        code { _ = try read(bytes, trusted) }
    }

    /// A tar of the members given, in the form of a bundle.
    private func tar(_ members: [(String, [UInt8])]) throws -> [UInt8] {
        let output = BytesOutput()
        let writer = try TarWriter(output)
        for (path, bytes) in members { try writer.add(path: path, bytes: bytes) }
        try writer.finish()
        return output.bytes
    }

    private func members(_ bytes: [UInt8]) throws -> [(path: String, bytes: [UInt8])] {
        var reader = TarReader(BytesInput(bytes))
        var result: [(String, [UInt8])] = []
        while let member = try reader.next() { result.append((member.path, try reader.readContent(bytesMax: 1 << 20))) }
        return result
    }

    @Test func `a bundle holds the version, its evidence and nothing else`() throws {
        let version = try SampleVersion()
        let bytes = try version.bundle()
        let collector = Collector()
        let contents = try BundleReader.read(BytesInput(bytes), trusted: [version.key.publicKey], sink: collector)
        #expect(contents.repository.text == SampleVersion.repository && contents.number.value == 3)
        #expect(contents.manifest == version.manifest && contents.referrers == version.referrers)
        #expect(contents.files == version.files && contents.signer == version.key.publicKey)
        #expect(collector.blobs == version.blobs)
        for blob in contents.blobs {
            let start = Int(blob.offset)
            #expect(Digest.sha256(of: bytes[start..<start + Int(blob.record.size)]) == blob.record.digest)
        }
        #expect(contents.documents.count == 3)
    }

    @Test func `the same version gives the same bytes`() throws {
        let version = try SampleVersion()
        #expect(try version.bundle() == version.bundle())
        let paths = try members(version.bundle()).map(\.path)
        #expect(paths.prefix(2) == ["oci-layout", "index.json"])
        #expect(Array(paths.dropFirst(4)) == paths.dropFirst(4).sorted())
    }

    @Test func `a flipped bit anywhere is noticed`() throws {
        let version = try SampleVersion()
        let bytes = try version.bundle()
        // The repository's name in the index is a label that nothing signs; all else around it is covered.
        let label = try #require(bytes.firstRange(of: Array(SampleVersion.repository.utf8)))
        for index in stride(from: 0, to: bytes.count, by: 7) where !label.contains(index) {
            var damaged = bytes
            damaged[index] ^= 1
            // Owners, modes and times in headers are covered by the checksum, everything else by digests.
            #expect(refusal(damaged, [version.key.publicKey]) != nil, "byte \(index)")
        }
    }

    @Test func `a damaged file is named`() throws {
        let version = try SampleVersion()
        var all = try members(version.bundle())
        let index = try #require(all.firstIndex { $0.bytes == Array("weights".utf8) })
        all[index].bytes = Array("weightS".utf8)
        let error = try #require(throws: AssayError.self) { try read(try tar(all), [version.key.publicKey]) }
        #expect(error.code == .digestMismatch && error.message.contains("'model.onnx'"))
    }

    @Test func `missing, extra and disordered members are refused`() throws {
        let version = try SampleVersion()
        let trusted = [version.key.publicKey]
        let all = try members(version.bundle())
        for index in all.indices {
            var fewer = all
            fewer.remove(at: index)
            #expect(refusal(try tar(fewer), trusted) == .bundleInvalid, "without \(all[index].path)")
        }
        #expect(refusal(try tar(all + [("more", [])]), trusted) == .bundleInvalid)
        #expect(refusal(try tar(all + [("blobs/sha256/zz", [])]), trusted) == .bundleInvalid)
        #expect(refusal(try tar(all.reversed()), trusted) == .bundleInvalid)
        #expect(refusal(try tar([]), trusted) == .bundleInvalid)
        #expect(refusal([], trusted) == .bundleInvalid)
    }

    @Test func `an unsigned bundle and one of an unknown key are refused`() throws {
        let signed = try SampleVersion()
        #expect(refusal(try signed.bundle(), [try PrivateKey.generate().publicKey]) == .untrustedKey)
        #expect(refusal(try signed.bundle(), []) == .untrustedKey)
        let unsigned = try SampleVersion(isSigned: false)
        #expect(refusal(try unsigned.bundle(), [unsigned.key.publicKey]) == .unsigned)
    }

    @Test func `a signature over other files is refused`() throws {
        let key = try PrivateKey.generate()
        let good = try SampleVersion(key: key)
        let evil = try SampleVersion(contents: ["model.onnx": [1]], key: key, isSigned: false)
        let signature = try #require(good.blobs.first { $0.value.starts(with: Array(#"{"dsse"#.utf8)) })
        let referrer = try SampleVersion.manifest(
            Referrer.signature(SampleVersion.record(signature.value), subject: evil.manifest.descriptor))
        let plan = try BundlePlan(
            repository: good.plan().repository, number: good.plan().number, manifest: evil.manifest,
            referrers: [referrer])
        let output = BytesOutput()
        let writer = try BundleWriter(plan, to: output)
        let blobs = good.blobs.merging(evil.blobs) { one, _ in one }
        for blob in plan.blobs {
            try writer.begin(blob)
            try (blobs[blob.digest] ?? []).withUnsafeBytes { try writer.write($0) }
            try writer.end()
        }
        try writer.finish()
        #expect(refusal(output.bytes, [key.publicKey]) == .digestMismatch)
    }

    @Test func `an index that names no version, or two, is refused`() throws {
        let version = try SampleVersion()
        let all = try members(version.bundle())
        func with(_ change: (inout [String: Any]) -> Void) throws -> ErrorCode? {
            var copy = all
            copy[1].bytes = try changed(copy[1].bytes, change)
            return refusal(try tar(copy), [version.key.publicKey])
        }
        #expect(try with { $0["manifests"] = [Any]() } == .bundleInvalid)
        #expect(try with { $0["schemaVersion"] = 3 } == .bundleInvalid)
        #expect(try with { $0["mediaType"] = "x" } == .bundleInvalid)
        #expect(
            try with { index in
                var manifests = index["manifests"] as? [[String: Any]] ?? []
                manifests[0]["annotations"] = nil
                index["manifests"] = manifests
            } == .bundleInvalid)
        #expect(
            try with { index in
                var manifests = index["manifests"] as? [[String: Any]] ?? []
                manifests[1]["annotations"] = manifests[0]["annotations"]
                index["manifests"] = manifests
            } == .bundleInvalid)
    }

    @Test func `damaged stored bytes are not exported`() throws {
        let version = try SampleVersion()
        let plan = try version.plan()
        let writer = try BundleWriter(plan, to: BytesOutput())
        let blob = try #require(plan.blobs.first)
        try writer.begin(blob)
        try [UInt8](repeating: 0, count: Int(blob.size)).withUnsafeBytes { try writer.write($0) }
        #expect(code { try writer.end() } == .digestMismatch)
    }

    @Test func `limits hold`() throws {
        let version = try SampleVersion()
        let bytes = try version.bundle()
        var limits = BundleLimits()
        limits.documentBytesMax = 100
        let few = limits
        #expect(code { _ = try BundleReader.read(BytesInput(bytes), trusted: [], limits: few) } == .bodyTooLarge)
        limits = BundleLimits()
        limits.tar.membersMax = 3
        let short = limits
        #expect(code { _ = try BundleReader.read(BytesInput(bytes), trusted: [], limits: short) } == .tooManyEntries)
    }

    @Test func `a referrer of something else is not exported`() throws {
        let one = try SampleVersion()
        let other = try SampleVersion(contents: ["x": [1]])
        #expect(
            code {
                _ = try BundlePlan(
                    repository: one.plan().repository, number: one.plan().number, manifest: one.manifest,
                    referrers: other.referrers)
            } == .bundleInvalid)
    }
}

struct SignedEvidenceTests {
    @Test func `a statement comes back for the registry's key only`() throws {
        let key = try PrivateKey.generate()
        let evidence = SignedEvidence(key: key)
        let subject = Digest.sha256(of: [1])
        let predicate = Array(#"{"passed":true}"#.utf8)
        let envelope = try evidence.signStatement(
            predicateType: PredicateType.verdict, predicate: predicate, subject: subject, name: "team/digits:3")
        func trusted(_ key: PublicKey) -> [TrustedKey] {
            [TrustedKey(id: key.id, name: "k", pem: key.pem, role: .registry, addedAt: Timestamp(milliseconds: 0))]
        }
        let statement = try evidence.openStatement(envelope, trusted: trusted(key.publicKey))
        #expect(statement.subjects == [subject] && statement.predicate == predicate)
        #expect(statement.predicateType == PredicateType.verdict)
        let other = try PrivateKey.generate().publicKey
        #expect(code { _ = try evidence.openStatement(envelope, trusted: trusted(other)) } == .untrustedKey)
        #expect(code { _ = try evidence.openStatement(envelope, trusted: []) } == .untrustedKey)
    }

    @Test func `a model signature is checked with and without trust`() throws {
        let version = try SampleVersion()
        let evidence = SignedEvidence(key: version.key)
        let bundle = try ModelSignature.sign(version.files, name: "m", key: version.key)
        func signer(_ files: [VersionFile], _ keys: [PublicKey]) throws -> String {
            let trusted = keys.map {
                TrustedKey(id: $0.id, name: "k", pem: $0.pem, role: .release, addedAt: Timestamp(milliseconds: 0))
            }
            return try evidence.signer(ofModelSignature: bundle, over: files, trusted: trusted)
        }
        try evidence.checkForm(ofModelSignature: bundle, over: version.files)
        #expect(code { try evidence.checkForm(ofModelSignature: bundle, over: []) } == .digestMismatch)
        #expect(try signer(version.files, [version.key.publicKey]) == version.key.publicKey.id)
        #expect(code { _ = try signer([], [version.key.publicKey]) } == .digestMismatch)
        #expect(code { _ = try signer(version.files, []) } == .untrustedKey)
    }

    @Test func `only ONNX files that can be read have a summary`() async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).onnx").path
        try Data("no model".utf8).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(try await ONNXInspector().inspect(localFile: path, as: "a/model.ONNX") == nil)
        #expect(try await ONNXInspector().inspect(localFile: "absent", as: "notes.txt") == nil)
        await #expect(throws: AssayError.self) { try await ONNXInspector().inspect(localFile: "absent", as: "m.onnx") }
    }
}
