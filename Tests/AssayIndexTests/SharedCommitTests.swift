import AssayDomain
import AssayIndex
import AssayRegistry
import Testing

/// Writes that share a transaction, and reads that are kept until the next commit.
struct SharedCommitTests {
    @Test func `writes that wait together stand or fall each by itself`() async throws {
        try await withIndex { index in
            try await index.push(1)
            let codes = try await withThrowingTaskGroup { group in
                for number in 0..<60 {
                    group.addTask {
                        let target: Int64 = number.isMultiple(of: 3) ? 9 : 1
                        return (number, await code { _ = try await index.setAlias("alias-\(number)", to: target) })
                    }
                }
                return try await group.reduce(into: [Int: ErrorCode?]()) { $0[$1.0] = $1.1 }
            }
            for number in 0..<60 {
                #expect(codes[number] == .some(number.isMultiple(of: 3) ? .versionNotFound : nil))
            }
            let aliases = try await index.aliases(in: try repositoryName("team/fraud")).map(\.name.text)
            #expect(Set(aliases) == Set((0..<60).filter { !$0.isMultiple(of: 3) }.map { "alias-\($0)" }))
        }
    }

    @Test func `a manifest that was read moves with its tag`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            let tag = VersionSelector.tag(.alias(try aliasName("candidate")))
            #expect(try await index.manifest(tag, in: name) == nil)
            for seed in 1...2 { try await index.push(seed) }
            for target in [Int64(1), 2, 1] {
                _ = try await index.setAlias("candidate", to: target)
                let expected = digest(1_000_000 + Int(target))
                #expect(try await index.manifest(tag, in: name)?.digest == expected)
                #expect(try await index.manifest(tag, in: name)?.digest == expected)
            }
        }
    }

    @Test func `a blob that was asked for in vain is there once it is linked`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            #expect(try await index.blobSize(digest(77), in: name) == nil)
            try await index.linkBlob(digest(77), size: 5, to: name, at: time(1), leasedUntil: time(1))
            #expect(try await index.blobSize(digest(77), in: name) == 5)
        }
    }

    @Test func `readers never see an older state than the last answered write`() async throws {
        try await withIndex { index in
            for seed in 1...2 { try await index.push(seed) }
            let name = try repositoryName("team/fraud")
            let tag = VersionSelector.tag(.alias(try aliasName("candidate")))
            try await withThrowingTaskGroup { group in
                for _ in 0..<3 {
                    group.addTask { for _ in 0..<300 { _ = try await index.manifest(tag, in: name) } }
                }
                for round in 0..<100 {
                    let target = Int64(round % 2 + 1)
                    _ = try await index.setAlias("candidate", to: target)
                    #expect(try await index.manifest(tag, in: name)?.digest == digest(1_000_000 + Int(target)))
                }
                try await group.waitForAll()
            }
        }
    }
}
