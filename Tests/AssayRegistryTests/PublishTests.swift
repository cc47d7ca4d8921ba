import AssayBundle
import AssayCrypto
import AssayDomain
import AssayIndex
import AssayRegistry
import TestSupport
import Testing

struct PublishTests {
    private let test: TestRegistry

    init() async throws { test = try await TestRegistry() }

    private func code(_ body: () async throws -> Void) async -> ErrorCode? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? AssayError)?.code
        }
    }

    @Test func `equal content is the same version and says so`() async throws {
        let first = try await test.publish(["a.bin": "1"], to: "m")
        let again = try await test.publish(["a.bin": "1"], to: "m")
        let other = try await test.publish(["a.bin": "2"], to: "m")
        #expect(first.isNew && !again.isNew && other.isNew)
        #expect(first.version?.number == again.version?.number)
        #expect(other.version?.number.value == 2)
    }

    @Test func `a signature over other files is refused and leaves nothing`() async throws {
        let repository = try RepositoryName(parsing: "m")
        let record = try await test.push(Array("1".utf8), to: repository)
        let documents = try ModelPack.build(
            [ModelFile(path: "a.bin", digest: record.digest, size: record.size)], kind: .model)
        _ = try await test.push(documents.config, to: repository)
        let other = VersionFile(path: "a.bin", digest: Digest.sha256(of: [9]), size: 1)
        let bundle = try ModelSignature.sign([other], name: "m", key: test.releaseKey)
        let failure = await code {
            _ = try await test.registry.publish(
                Publish.Request(
                    repository: repository, manifest: documents.manifest, mediaType: nil, intent: .version(nil),
                    signatures: [bundle]), by: .local)
        }
        #expect(failure == .digestMismatch)
        #expect(try await test.index.repository(repository)?.versionCount == 0)
    }

    @Test func `a second signature by the same key adds nothing, one by another key does`() async throws {
        let version = try #require(try await test.publish(["a.bin": "1"], to: "m", signedBy: test.releaseKey).version)
        func count() async throws -> Int {
            try await test.index.attestations(of: version.manifestDigest, in: version.repository).count
        }
        _ = try await test.publish(["a.bin": "1"], to: "m", signedBy: test.releaseKey)
        #expect(try await count() == 1)
        _ = try await test.publish(["a.bin": "1"], to: "m", signedBy: try PrivateKey.generate())
        #expect(try await count() == 2)
    }

    @Test func `a manifest of another digest than its name is refused`() async throws {
        let failure = await code {
            _ = try await test.registry.publish(
                Publish.Request(
                    repository: try RepositoryName(parsing: "m"), manifest: Array(#"{"schemaVersion":2}"#.utf8),
                    mediaType: nil, expectedDigest: Digest.sha256(of: [1]), intent: .content), by: .local)
        }
        #expect(failure == .digestMismatch)
    }

    @Test func `what a broken model says of itself is nothing`() async throws {
        let outcome = try await test.publish(["model.onnx": "no model"], to: "m")
        #expect(outcome.version != nil)
        #expect(outcome.version?.model == nil)
    }

    @Test func `an upload session belongs to its repository`() async throws {
        let one = try RepositoryName(parsing: "one")
        let ticket = try await test.registry.blobs.begin(in: one)
        #expect(try test.registry.blobs.ticket(parsing: ticket.text, in: one) == ticket)
        #expect(throws: AssayError.self) {
            try test.registry.blobs.ticket(parsing: ticket.text, in: RepositoryName(parsing: "two"))
        }
    }

    @Test func `a ticket cannot be made from what its owner knows`() async throws {
        let one = try RepositoryName(parsing: "one")
        let two = try RepositoryName(parsing: "two")
        let id = String(try await test.registry.blobs.begin(in: one).text.prefix(32))
        let computed = Digest.sha256(of: Array("\(id) \(two)".utf8)).hex.prefix(16)
        let other = try await TestRegistry()
        for forged in ["\(id)\(computed)", id, "\(id)0000000000000000", ""] {
            #expect(await code { _ = try test.registry.blobs.ticket(parsing: forged, in: two) } == .uploadNotFound)
        }
        // What one store binds, another one does not know.
        let ticket = try await other.registry.blobs.begin(in: one)
        #expect(await code { _ = try test.registry.blobs.ticket(parsing: ticket.text, in: one) } == .uploadNotFound)
    }

    @Test func `a blob is read only through a repository that has it`() async throws {
        let one = try RepositoryName(parsing: "one")
        let two = try RepositoryName(parsing: "two")
        let record = try await test.push([1, 2, 3], to: one)
        #expect(await code { _ = try await test.registry.blobs.size(of: record.digest, in: two) } == .blobNotFound)
        #expect(try await test.registry.blobs.mount(record.digest, from: one, to: two))
        #expect(try await test.registry.blobs.size(of: record.digest, in: two) == 3)
    }

    @Test(arguments: ["", "a\u{0}b", "\u{1B}[31m"])
    func `metadata with control characters is refused`(text: String) async throws {
        let failure = await code {
            _ = try await test.publish(
                ["a.bin": "1"], to: "m", metadata: VersionMetadata(hyperparameters: [text: "1"]))
        }
        #expect(failure == .metadataInvalid)
    }

    @Test func `a report is believed only from the registry's key and for its subject`() async throws {
        let model = try #require(try await test.publish(["model.onnx": "accuracy=1"], to: "m").version)
        let other = try #require(try await test.publish(["model.onnx": "accuracy=0"], to: "m").version)
        let data = try #require(try await test.publish(["t.npz": "d"], to: "d", kind: .dataset).version)
        let started = try await test.registry.verify.start(
            subject: model, dataset: data, baseline: nil, settings: VerificationSettings())
        try await test.finish([started.id])
        var verification = try await test.registry.verify.verification(started.id)
        #expect(verification.state == .measured)
        let report = try await test.registry.verify.report(of: verification)
        #expect(report.measurements?.metrics["accuracy"] == 1)
        #expect(report.subject.digest == model.manifestDigest)

        let forged = Verification(
            id: verification.id, subject: .init(other), dataset: verification.dataset, baseline: nil,
            settings: verification.settings, createdAt: verification.createdAt,
            envelopeDigest: verification.envelopeDigest)
        #expect(await code { _ = try await test.registry.verify.report(of: forged) } == .signatureInvalid)
        _ = try await test.registry.trust.rotate(by: .local)
        _ = try await test.registry.trust.revoke(test.registryKey.publicKey.id, since: nil, by: .local)
        verification.progress = nil
        #expect(await code { _ = try await test.registry.verify.report(of: verification) } == .untrustedKey)
    }
}
