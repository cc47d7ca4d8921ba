import AssayDomain
import AssayIndex
import AssayRegistry
import Testing

/// Where content is, by its digest.
struct ContentTests {
    @Test func `content is found in every repository, in pages, each manifest once`() async throws {
        try await withIndex { index in
            for seed in 1...3 { try await index.push(seed) }
            #expect(try await index.contentUses(of: digest(9_999), after: nil, limit: 9).items.isEmpty)
            let all = try await index.contentUses(of: digest(1), after: nil, limit: 9)
            #expect(all.items.count == 1 && all.next == nil)
            #expect(all.items.first?.version == (try number(1)))
            let use = try #require(all.items.first)
            #expect(try await index.manifestUses(of: use.manifestDigest, limit: 9).map(\.version) == [number(1)])
        }
    }

    @Test(arguments: ["", "1", "1.", ".1", "a.b", "1.2.3", "-1.2", "99999999999999999999.1"])
    func `a cursor that is none is refused`(cursor: String) async throws {
        try await withIndex { index in
            #expect(
                await code { _ = try await index.contentUses(of: digest(1), after: cursor, limit: 9) }
                    == .requestInvalid)
        }
    }

    @Test func `aliases of all repositories come in pages, with digests`() async throws {
        try await withIndex { index in
            try await index.push(1)
            let found = try await index.allAliases(after: nil, limit: 9)
            #expect(found.next == nil)
            #expect(found.items.allSatisfy { $0.manifestDigest != nil })
        }
    }
}
