import AssayArchive
import AssayBundle
import AssayCrypto
import AssayDomain
import AssayRegistry
import Foundation
import Testing

/// Bytes in memory as a bundle.
struct BytesBundle: BundleSource {
    let bytes: [UInt8]

    func makeInput() -> any ByteInput { BytesInput(bytes) }

    func read(_ count: Int, at offset: Int64) -> [UInt8] { Array(bytes[Int(offset)..<Int(offset) + count]) }
}

struct BundleTests {
    private func read(_ bytes: [UInt8]) throws -> BundleContents { try BundleReader.read(BytesBundle(bytes: bytes)) }

    private func refusal(_ bytes: [UInt8]) -> ErrorCode? { code { _ = try read(bytes) } }

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
        let contents = try read(bytes)
        #expect(
            contents.label
                == .init(
                    repository: try RepositoryName(parsing: SampleVersion.repository),
                    number: try #require(VersionNumber(3))))
        #expect(contents.manifest == version.manifest && contents.referrers == version.referrers)
        #expect(contents.files == version.files)
        #expect(Set(contents.blobs.map(\.record.digest)) == Set(version.blobs.keys))
        for blob in contents.blobs {
            let start = Int(blob.offset)
            #expect(Digest.sha256(of: bytes[start..<start + Int(blob.record.size)]) == blob.record.digest)
        }
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
        // The label in the index is what only the audit log can prove; all else around it is covered.
        let name = try #require(bytes.firstRange(of: Array(SampleVersion.repository.utf8)))
        let number = try #require(bytes.firstRange(of: Array(#"ref.name":"3""#.utf8)))
        for index in bytes.indices where !name.contains(index) && index != number.upperBound - 2 {
            var damaged = bytes
            damaged[index] ^= 1
            // Owners, modes and times in headers are covered by the checksum, everything else by digests.
            // A bundle whose label cannot be found any more is an archive that says nothing of itself.
            var label: BundleContents.Label?
            let refusal = code { label = try read(damaged).label }
            #expect(refusal != nil || label == nil, "byte \(index)")
        }
    }

    @Test func `a damaged file is named`() throws {
        let version = try SampleVersion()
        var all = try members(version.bundle())
        let index = try #require(all.firstIndex { $0.bytes == Array("weights".utf8) })
        all[index].bytes = Array("weightS".utf8)
        let error = try #require(throws: AssayError.self) { try read(try tar(all)) }
        #expect(error.code == .digestMismatch && error.message.contains("'model.onnx'"))
    }

    @Test func `missing, extra and disordered members are refused`() throws {
        let version = try SampleVersion()
        let all = try members(version.bundle())
        for index in all.indices {
            var fewer = all
            fewer.remove(at: index)
            #expect(refusal(try tar(fewer)) == .bundleInvalid, "without \(all[index].path)")
        }
        #expect(refusal(try tar(all + [("more", [])])) == .bundleInvalid)
        #expect(refusal(try tar(all + [("blobs/sha256/zz", [])])) == .bundleInvalid)
        #expect(refusal(try tar(all.reversed())) == .bundleInvalid)
        #expect(refusal(try tar([])) == .bundleInvalid)
        #expect(refusal([]) == .bundleInvalid)
    }

    @Test func `an index that names no version, or two, is refused`() throws {
        let version = try SampleVersion()
        let all = try members(version.bundle())
        func with(_ change: (inout [String: Any]) -> Void) throws -> ErrorCode? {
            var copy = all
            copy[1].bytes = try changed(copy[1].bytes, change)
            return refusal(try tar(copy))
        }
        #expect(try with { $0["manifests"] = [Any]() } == .bundleInvalid)
        #expect(try with { $0["schemaVersion"] = 3 } == .bundleInvalid)
        #expect(try with { $0["mediaType"] = "x" } == .bundleInvalid)
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
        let source = BytesBundle(bytes: try SampleVersion().bundle())
        var limits = BundleLimits()
        limits.manifestBytesMax = 100
        let few = limits
        #expect(code { _ = try BundleReader.read(source, limits: few) } == .bodyTooLarge)
        limits = BundleLimits()
        limits.tar.membersMax = 3
        let short = limits
        #expect(code { _ = try BundleReader.read(source, limits: short) } == .tooManyEntries)
    }

    @Test func `an archive of another tool is read in any order, with folders, and without a label`() throws {
        let version = try SampleVersion()
        let all = try members(version.bundle())
        let index = try changed(all[1].bytes) { index in
            var manifests = index["manifests"] as? [[String: Any]] ?? []
            manifests[0]["annotations"] = nil
            index["manifests"] = manifests
            index["mediaType"] = nil
        }
        let foreign = Array(all.dropFirst(2).reversed()) + [("index.json", index), all[0]]
        let contents = try read(try tar(foreign))
        #expect(contents.label == nil)
        #expect(contents.manifest == version.manifest && contents.files == version.files)
        #expect(Set(contents.referrers.map(\.digest)) == Set(version.referrers.map(\.digest)))
        #expect(refusal(try tar(foreign + [("more", [])])) == .bundleInvalid)
        #expect(refusal(try tar(Array(foreign.dropFirst()))) == .bundleInvalid)
    }

    @Test func `aliases are carried on request`() throws {
        let version = try SampleVersion()
        let plan = try version.plan()
        let label = BundleContents.Label(
            repository: plan.label.repository, number: plan.label.number,
            aliases: [try AliasName(parsing: "production"), try AliasName(parsing: "candidate")])
        let bytes = try version.bundle(
            BundlePlan(label: label, manifest: version.manifest, referrers: version.referrers))
        #expect(try read(bytes).label?.aliases.map(\.text) == ["candidate", "production"])
    }

    @Test func `a referrer of something else is not exported`() throws {
        let one = try SampleVersion()
        let other = try SampleVersion(contents: ["x": [1]])
        #expect(
            code {
                _ = try BundlePlan(
                    label: one.plan().label, manifest: one.manifest, referrers: other.referrers)
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
            return try evidence.signer(
                ofModelSignature: bundle, over: files, trusted: trusted, at: Timestamp(milliseconds: 0))
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
