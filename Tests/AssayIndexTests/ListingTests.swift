import AssayDomain
import AssayIndex
import AssayRegistry
import Testing

struct ListingTests {
    @Test func `repositories come in byte order, by kind and prefix, in pages`() async throws {
        try await withIndex { index in
            for name in ["b", "a/x", "a", "a-b", "a/y", "c"] {
                _ = try await index.createRepository(try repositoryName(name), kind: .model, at: time(1))
            }
            _ = try await index.createRepository(try repositoryName("a/data"), kind: .dataset, at: time(2))
            func names(_ query: RepositoryQuery) async throws -> [String] {
                try await index.repositories(query).items.map(\.name.text)
            }
            let all = ["a", "a-b", "a/data", "a/x", "a/y", "b", "c"]
            #expect(try await names(RepositoryQuery(limit: 100)) == all)
            #expect(try await names(RepositoryQuery(prefix: "a/", limit: 100)) == ["a/data", "a/x", "a/y"])
            #expect(try await names(RepositoryQuery(kind: .dataset, limit: 100)) == ["a/data"])
            #expect(try await names(RepositoryQuery(kind: .model, prefix: "a/", limit: 100)) == ["a/x", "a/y"])
            #expect(try await names(RepositoryQuery(prefix: "a/", after: "a/x", limit: 100)) == ["a/y"])
            #expect(try await names(RepositoryQuery(prefix: "a/", after: "a", limit: 100)) == ["a/data", "a/x", "a/y"])
            #expect(try await names(RepositoryQuery(prefix: "a/", after: "b", limit: 100)) == [])
            #expect(try await names(RepositoryQuery(prefix: "%", limit: 100)) == [])
            let page = try await index.repositories(RepositoryQuery(limit: 3))
            #expect(page.next == "a/data")
            #expect(try await names(RepositoryQuery(after: page.next, limit: 100)) == Array(all[3...]))
        }
    }

    @Test func `blobs are read where they are linked, and mounted from there`() async throws {
        try await withIndex { index in
            let (source, target) = (try repositoryName("source"), try repositoryName("target"))
            try await index.linkBlob(digest(1), size: 7, to: source, at: time(1), leasedUntil: time(50))
            #expect(try await index.blobSize(digest(1), in: source) == 7)
            #expect(try await index.blobSize(digest(1), in: target) == nil)
            func mount(_ seed: Int, from name: RepositoryName?) async throws -> Bool {
                try await index.mountBlob(digest(seed), from: name, to: target, at: time(2), leasedUntil: time(60))
            }
            #expect(try await mount(2, from: nil) == false)
            #expect(try await mount(1, from: try repositoryName("other")) == false)
            #expect(try await index.repository(target) == nil)
            #expect(try await mount(1, from: source))
            #expect(try await mount(1, from: nil))
            #expect(try await index.blobSize(digest(1), in: target) == 7)
            let otherSize = await code {
                try await index.linkBlob(digest(1), size: 8, to: target, at: time(3), leasedUntil: time(60))
            }
            #expect(otherSize == .sizeInvalid)
        }
    }

    @Test func `a blob is unreferenced once all its leases ended and no manifest names it`() async throws {
        try await withIndex { index in
            let name = try repositoryName("source")
            try await index.push(1)
            for (seed, lease) in [(4, Int64(10)), (3, 20), (2, 30)] {
                try await index.linkBlob(digest(seed), size: 7, to: name, at: time(1), leasedUntil: time(lease))
            }
            try await index.linkBlob(digest(2), size: 7, to: name, at: time(1), leasedUntil: time(5))
            try await index.linkBlob(
                digest(3), size: 7, to: try repositoryName("target"), at: time(1), leasedUntil: time(40))
            func unreferenced(at now: Int64, limit: Int = 9) async throws -> [Digest] {
                try await index.unreferencedBlobs(now: time(now), limit: limit).map(\.digest)
            }
            #expect(try await unreferenced(at: 10) == [])
            #expect(try await unreferenced(at: 11) == [digest(4)])
            #expect(try await unreferenced(at: 31) == [digest(2), digest(4)])
            #expect(try await unreferenced(at: 41) == [digest(2), digest(3), digest(4)])
            #expect(try await unreferenced(at: 41, limit: 1) == [digest(2)])
        }
    }

    @Test func `versions come newest first, by filters and in pages`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            for seed in 1...9 {
                let metadata = VersionMetadata(
                    framework: seed.isMultiple(of: 3) ? "onnx" : "torch", runId: seed > 5 ? "late" : "early")
                try await index.push(seed, metadata: metadata)
                _ = try await index.annotate(
                    name, try number(Int64(seed)), changes: ["parity": seed.isMultiple(of: 2) ? "even" : "odd"])
            }
            func numbers(_ change: (inout VersionQuery) -> Void) async throws -> [Int64] {
                var query = VersionQuery(repository: name, limit: 100)
                change(&query)
                return try await index.versions(query).items.map(\.number.value)
            }
            #expect(try await numbers { _ in } == [9, 8, 7, 6, 5, 4, 3, 2, 1])
            #expect(try await numbers { $0.framework = "onnx" } == [9, 6, 3])
            #expect(try await numbers { $0.runId = "late" } == [9, 8, 7, 6])
            #expect(try await numbers { ($0.runId, $0.framework) = ("late", "onnx") } == [9, 6])
            #expect(try await numbers { $0.annotation = ("parity", "even") } == [8, 6, 4, 2])
            #expect(try await numbers { ($0.annotation, $0.framework) = (("parity", "even"), "onnx") } == [6])
            #expect(try await numbers { ($0.annotation, $0.runId) = (("parity", "odd"), "early") } == [5, 3, 1])
            #expect(try await numbers { $0.framework = "' OR 1=1 --" } == [])
            let page = try await index.versions(VersionQuery(repository: name, limit: 4))
            #expect(page.items.count == 4)
            #expect(page.next == "6")
            let below = try number(6)
            #expect(try await numbers { ($0.below, $0.limit) = (below, 5) } == [5, 4, 3, 2, 1])
            let missing = await code {
                _ = try await index.versions(VersionQuery(repository: try repositoryName("no"), limit: 1))
            }
            #expect(missing == .repositoryNotFound)
        }
    }

    @Test func `annotations are set, changed and removed`() async throws {
        try await withIndex { index in
            try await index.push(1)
            let (name, one) = (try repositoryName("team/fraud"), try number(1))
            let set = try await index.annotate(name, one, changes: ["reviewed_by": "ada", "stage": "dev"])
            #expect(set.annotations == ["reviewed_by": "ada", "stage": "dev"])
            let changed = try await index.annotate(
                name, one, changes: ["stage": nil, "reviewed_by": "grace", "no": nil])
            #expect(changed.annotations == ["reviewed_by": "grace"])
            #expect(try await index.found("team/fraud:1") == changed)
            let many = Dictionary(uniqueKeysWithValues: (0..<VersionMetadata.entriesMax).map { ("key-\($0)", "value") })
            let tooMany = await code { _ = try await index.annotate(name, one, changes: many) }
            #expect(tooMany == .bodyTooLarge)
            #expect(try await index.found("team/fraud:1") == changed)
            let missing = await code { _ = try await index.annotate(name, try number(2), changes: ["a": "b"]) }
            let nowhere = await code {
                _ = try await index.annotate(try repositoryName("no"), one, changes: ["a": "b"])
            }
            #expect(missing == .versionNotFound)
            #expect(nowhere == .versionNotFound)
        }
    }

    @Test func `a search finds all words in names, metadata and annotations`() async throws {
        try await withIndex { index in
            try await index.push(
                1, metadata: VersionMetadata(description: "Gradient boosting for card payments", framework: "xgboost"))
            try await index.push(2, to: "team/digits", metadata: VersionMetadata(description: "Handwritten digits"))
            try await index.push(3, to: "data/cards", kind: .dataset)
            _ = try await index.annotate(try repositoryName("team/digits"), try number(1), changes: ["owner": "Zoë"])
            func found(_ text: String, kind: Repository.Kind? = nil, limit: Int = 10) async throws -> Set<String> {
                Set(try await index.search(text, kind: kind, limit: limit).map(\.reference.description))
            }
            #expect(try await found("boosting FRAUD") == ["team/fraud:1"])
            #expect(try await found("boosting digits") == [])
            #expect(try await found("team") == ["team/fraud:1", "team/digits:1"])
            #expect(try await found("team", limit: 1).count == 1)
            #expect(try await found("^fraud -- (team)") == ["team/fraud:1"])
            #expect(try await found("owner zoe") == ["team/digits:1"])
            #expect(try await found("cards", kind: .dataset) == ["data/cards:1"])
            #expect(try await found("cards", kind: .model) == [])
            _ = try await index.annotate(try repositoryName("team/digits"), try number(1), changes: ["owner": nil])
            #expect(try await found("owner") == [])
        }
    }

    @Test(arguments: [
        #"" OR 1=1 --"#, "NEAR(", "NEAR(a b)", "*", "frau*", "fraud OR digits", "NOT fraud", "metadata:fraud",
        "\"", "\"\"\"", "{a b}:c", "--", "\0", "a\0b", "(", "+", "", "  \n", "é\u{301}", "🦊", "a\"b\"c",
        "';DROP TABLE versions",
    ])
    func `nothing that is searched for is syntax`(text: String) async throws {
        try await withIndex { index in
            try await index.push(1)
            #expect(try await index.search(text, kind: nil, limit: 10).isEmpty)
            #expect(try await index.found("team/fraud:1").number == number(1))
        }
    }

    @Test func `a search of too many words is refused`() async throws {
        try await withIndex { index in
            let most = String(repeating: "word ", count: 32)
            let found = try await index.search(most, kind: nil, limit: 10)
            let tooMany = await code { _ = try await index.search(most + "more", kind: nil, limit: 10) }
            #expect(found.isEmpty)
            #expect(tooMany == .requestInvalid)
        }
    }
}
