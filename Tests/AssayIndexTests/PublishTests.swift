import AssayDomain
import AssayIndex
import AssayRegistry
import Testing

struct PublishTests {
    @Test func `equal content pushed again is the same version`() async throws {
        try await withIndex { index in
            let metadata = VersionMetadata(
                description: "first", hyperparameters: ["learning_rate": "0.1", "maxDepth": "3"])
            let first = try await index.push(1, metadata: metadata)
            let again = try await index.push(1, metadata: VersionMetadata(description: "second"), at: 9)
            #expect(first.isNew)
            #expect(!again.isNew)
            #expect(again.version == first.version)
            #expect(again.version?.metadata == metadata)
            #expect(again.version?.contentBytes == Sample.layerBytes)
            #expect(try await index.repository(try repositoryName("team/fraud"))?.versionCount == 1)
        }
    }

    @Test func `numbers count up and go on from the largest`() async throws {
        try await withIndex { index in
            var numbers: [Int64?] = []
            for (seed, tag) in [(1, nil), (2, nil), (3, "20261123"), (4, nil), (5, "7"), (5, "7")] {
                numbers.append(try await index.push(seed, tag: tag).version?.number.value)
            }
            #expect(numbers == [1, 2, 20_261_123, 20_261_124, 7, 7])
        }
    }

    @Test func `a version number never moves`() async throws {
        try await withIndex { index in
            try await index.push(1)
            let otherContent = await code { try await index.push(2, tag: "1") }
            let otherNumber = await code { try await index.push(1, tag: "2") }
            #expect(otherContent == .tagImmutable)
            #expect(otherNumber == .tagImmutable)
            #expect(try await index.repository(try repositoryName("team/fraud"))?.versionCount == 1)
        }
    }

    @Test(arguments: [VersionNumber.valueMax, VersionNumber.valueMax - 1, 100_000_000_000_000])
    func `nobody uses up the numbers of a repository`(large: Int64) async throws {
        try await withIndex { index in
            let refused = await code { try await index.push(1, tag: String(large)) }
            #expect(refused == .tagInvalid)
            let pushed1 = try await index.push(1).version?.number.value
            #expect(pushed1 == 1)
            let later = await code { try await index.push(2, tag: String(large)) }
            #expect(later == .tagInvalid)
            let pushed2 = try await index.push(2).version?.number.value
            #expect(pushed2 == 2)
        }
    }

    @Test func `behind the largest number that may be asked for, numbers go on in small steps`() async throws {
        try await withIndex { index in
            let date: Int64 = 99_999_999_999_999
            #expect(try await index.push(1, tag: String(date)).isNew)
            let pushed3 = try await index.push(2).version?.number.value
            #expect(pushed3 == date + 1)
            #expect(try await index.push(3, tag: String(date + 1_000_001)).isNew)
            let far = await code { try await index.push(4, tag: String(date + 2_000_002)) }
            #expect(far == .tagInvalid)
            let pushed4 = try await index.push(4).version?.number.value
            #expect(pushed4 == date + 1_000_002)
        }
    }

    @Test func `bytes that are there are of no second type`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            let bytes = Array(#"{"schemaVersion":2,"layers":[]}"#.utf8)
            func push(_ type: String, _ intent: Publication.Intent) async throws -> Bool {
                let manifest = try Manifest(parsing: bytes, digest: digest(9), contentType: type)
                return try await index.publish(
                    Publication(
                        repository: name, kind: nil, manifest: manifest, intent: intent, actor: "tester", at: time(1))
                ).isNew
            }
            #expect(try await push(MediaType.dockerManifest, .content))
            #expect(try await push(MediaType.dockerManifest, .content) == false)
            let content = await code { _ = try await push(MediaType.imageManifest, .content) }
            let version = await code { _ = try await push(MediaType.imageManifest, .version(nil)) }
            #expect(content == .manifestInvalid)
            #expect(version == .manifestInvalid)
        }
    }

    @Test func `an alias tag moves with history, and once only`() async throws {
        try await withIndex { index in
            try await index.push(1, tag: "latest")
            try await index.push(1, tag: "latest")
            try await index.push(2, tag: "latest")
            #expect(try await index.found("team/fraud:latest").number == number(2))
            #expect(try await index.found("team/fraud:2").aliases == [aliasName("latest")])
            #expect(try await index.found("team/fraud:1").aliases.isEmpty)
            let history = try await index.aliasHistory(
                try aliasName("latest"), in: try repositoryName("team/fraud"), before: nil, limit: 10)
            #expect(try history.items.map(\.to) == [number(2), number(1)])
            #expect(try history.items.map(\.from) == [number(1), nil])
            #expect(history.items.allSatisfy { $0.cause == .set && $0.actor == "tester" })
        }
    }

    @Test func `a repository keeps its kind`() async throws {
        try await withIndex { index in
            try await index.push(1, kind: .dataset)
            let conflict = await code {
                _ = try await index.publish(
                    Publication(
                        repository: try repositoryName("team/fraud"), kind: .model, manifest: try Sample.manifest(1),
                        intent: .version(nil), actor: "tester", at: time(2)))
            }
            let created = await code {
                _ = try await index.createRepository(try repositoryName("team/fraud"), kind: .model, at: time(3))
            }
            #expect(conflict == .kindConflict)
            #expect(created == .kindConflict)
            #expect(try await index.push(3).version?.kind == .dataset)
        }
    }

    @Test(arguments: [(Repository.Kind.model, Repository.Kind.dataset), (.dataset, .model)])
    func `a repository whose versions were all deleted keeps its kind`(
        kind: Repository.Kind, other: Repository.Kind
    ) async throws {
        try await withIndex { index in
            try await index.push(1, to: "once", kind: kind)
            try await index.delete("once:1")
            let pushed = await code { try await index.push(2, to: "once", kind: other) }
            #expect(pushed == .kindConflict)
            #expect(try await index.repository(try repositoryName("once"))?.kind == kind)
            #expect(try await index.push(2, to: "once", kind: kind).isNew)
        }
    }

    @Test func `a repository with a policy keeps its kind, also before its first version`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            _ = try await index.createRepository(name, kind: .model, at: time(1))
            try await index.protect("production")
            let pushed = await code { try await index.push(2, kind: .dataset) }
            #expect(pushed == .kindConflict)
            #expect(try await index.push(2, kind: .model).isNew)
        }
    }

    @Test(arguments: [(nil, ErrorCode.blobUnknown), (Sample.layerBytes + 1, .sizeInvalid)])
    func `content that is missing or of another size leaves nothing`(linked: Int64?, expected: ErrorCode) async throws {
        try await withIndex { index in
            let source = try repositoryName("elsewhere")
            try await index.linkBlob(
                digest(1), size: linked ?? Sample.layerBytes, to: source, at: time(1), leasedUntil: time(1))
            let target = try repositoryName(linked == nil ? "team/fraud" : "elsewhere")
            let manifest = try Sample.manifest(1)
            let failure = await code {
                _ = try await index.publish(
                    Publication(
                        repository: target, kind: nil, manifest: manifest, intent: .version(nil), actor: "tester",
                        at: time(2)))
            }
            #expect(failure == expected)
            #expect(try await index.manifest(.digest(manifest.digest), in: target) == nil)
            #expect(try await index.repository(target)?.versionCount == (linked == nil ? nil : 0))
        }
    }

    @Test func `what fails late leaves nothing either`() async throws {
        try await withIndex { index in
            let missing = await code { try await index.push(1, lineage: [(.trainedOn, "no/data:1")]) }
            let left = try await index.version(try Reference(parsing: "team/fraud:1"))
            #expect(missing == .versionNotFound)
            #expect(left == nil)
            #expect(try await index.push(1).isNew)
        }
    }

    @Test func `a stored manifest is no version until it is published as one`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            try await index.linkBlob(digest(1), size: Sample.layerBytes, to: name, at: time(1), leasedUntil: time(1))
            let manifest = try Sample.manifest(1)
            let content = Publication(
                repository: name, kind: nil, manifest: manifest, intent: .content, actor: "tester", at: time(1))
            let first = try await index.publish(content)
            #expect(first.isNew && first.version == nil)
            #expect(try await index.publish(content).isNew == false)
            #expect(try await index.version(Reference(name, .digest(manifest.digest))) == nil)
            #expect(try await index.manifest(.digest(manifest.digest), in: name)?.parsed() == manifest)
            #expect(try await index.push(1).isNew)
            #expect(try await index.manifest(.tag(.number(try number(1))), in: name)?.parsed() == manifest)
        }
    }

    @Test func `an index may list manifests that are not there`() async throws {
        try await withIndex { index in
            let child = #"{"mediaType":"\#(MediaType.imageManifest)","digest":"\#(digest(7))","size":5}"#
            let bytes = Array(
                #"{"schemaVersion":2,"mediaType":"\#(MediaType.imageIndex)","manifests":[\#(child)]}"#.utf8)
            let manifest = try Manifest(parsing: bytes, digest: digest(8), contentType: nil)
            let outcome = try await index.publish(
                Publication(
                    repository: try repositoryName("sparse"), kind: nil, manifest: manifest, intent: .version(nil),
                    actor: "tester", at: time(1)))
            #expect(outcome.isNew)
        }
    }

    @Test func `a version keeps what its model says of itself`() async throws {
        try await withIndex { index in
            let tensor = ModelSummary.Tensor(name: "pixels", elementType: "float32", shape: ["batch", "64"])
            let model = ModelSummary(
                path: "digits.onnx", producer: nil, opsets: ["ai.onnx": 17], inputs: [tensor], outputs: [],
                operators: ["MatMul": 2, "Relu": 1], parameterCount: 4810, precision: ["float32"])
            let pushed = try await index.push(1, model: model)
            #expect(pushed.version?.model == model)
            #expect(try await index.found("team/fraud:1").model == model)
            #expect(try await index.found("team/fraud@\(digest(1_000_001))").model == model)
        }
    }
}
