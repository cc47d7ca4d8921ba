import AssayDomain
import Testing

@testable import AssayCommands

/// What a part of the log tells of an alias in a window, and when it does not tell all of it.
struct DossierLogTests {
    private let digest = Digest.sha256Zero

    private func scope(_ from: Int64, _ to: Int64) throws -> DossierScope {
        DossierScope(
            repository: try RepositoryName(parsing: "team/model"), alias: try AliasName(parsing: "production"),
            from: Timestamp(milliseconds: from), to: Timestamp(milliseconds: to))
    }

    private func entry(
        _ kind: AuditEntry.Kind, _ at: Int64, repository: String = "team/model", alias: String = "production",
        to: Int64? = nil, ends: String? = nil
    ) -> ArraySlice<UInt8> {
        AuditEntry(
            kind, at: Timestamp(milliseconds: at), actor: "local",
            [
                .repository: .text(repository), .alias: .text(alias), .to: to.map { .number($0) },
                .digest: .text(digest.description), .policy: .text(digest.description),
                .ends: ends.map { .text($0) },
            ]
        ).encoded()[...]
    }

    private func log(
        _ scope: DossierScope, _ entries: [ArraySlice<UInt8>], from start: Int64 = 0, of size: Int64? = nil,
        single: [PlacedEntry] = []
    ) throws -> DossierLog {
        let part = start..<(start + Int64(entries.count))
        return try DossierLog(scope, part: part, entries: entries, single: single, logSize: size ?? part.upperBound)
    }

    @Test func `the last move and policy before the window count, with all in it`() throws {
        let entries = [
            entry(.policy, 1), entry(.alias, 2, to: 1), entry(.alias, 3, to: 2), entry(.alias, 10, to: 3),
            entry(.alias, 10, alias: "candidate", to: 9), entry(.alias, 11, repository: "team/other", to: 9),
            entry(.policy, 20), entry(.alias, 21, to: 4),
        ]
        let log = try log(scope(5, 20), entries)
        #expect(log.moves.map(\.index) == [2, 3])
        #expect(log.policies.map(\.index) == [0, 6])
        #expect(log.window == 3..<7 && log.isClosed)
        #expect(log.policy(before: 3) == digest)
    }

    @Test func `both moments of the window belong to it`() throws {
        let entries = [
            entry(.policy, 1), entry(.alias, 4, to: 1), entry(.alias, 5, to: 2), entry(.alias, 20, to: 3),
            entry(.alias, 21, to: 4),
        ]
        let log = try log(scope(5, 20), entries)
        #expect(log.window == 2..<4 && log.isClosed && log.moves.map(\.index) == [1, 2, 3])
    }

    @Test func `a window that ends before it begins is refused`() throws {
        #expect(throws: AssayError.self) { try log(scope(20, 5), [entry(.policy, 1)]) }
    }

    @Test func `a part that begins too late is refused`() throws {
        let (policy, move, later) = (entry(.policy, 1), entry(.alias, 2, to: 1), entry(.alias, 10, to: 2))
        _ = try log(scope(5, 20), [policy, move, later], from: 7)
        #expect(throws: AssayError.self) { try log(scope(5, 20), [move, later], from: 8) }
        #expect(throws: AssayError.self) { try log(scope(5, 20), [policy, later], from: 8) }
        // From the begin of the log on nothing can have come before.
        #expect(try log(scope(5, 20), [later]).moves.count == 1)
    }

    @Test func `a part that ends before its window, or goes on behind it, is refused`() throws {
        let entries = [entry(.policy, 1), entry(.alias, 2, to: 1), entry(.alias, 21, to: 2)]
        #expect(try log(scope(5, 20), entries, of: 9).isClosed)
        #expect(throws: AssayError.self) { try log(scope(5, 20), Array(entries.dropLast()), of: 9) }
        #expect(throws: AssayError.self) { try log(scope(5, 20), entries + [entry(.alias, 22, to: 3)]) }
    }

    @Test func `only changes of keys before the part and deletions behind it stand for themselves`() throws {
        let entries = [entry(.policy, 1), entry(.alias, 2, to: 1), entry(.key, 30)]
        func single(_ kind: AuditEntry.Kind, _ index: Int64, repository: String = "team/model") throws -> PlacedEntry {
            let bytes = entry(kind, 1, repository: repository, ends: "11,12")
            return PlacedEntry(index: index, entry: try AuditEntry(parsing: Array(bytes)))
        }
        let good = try log(
            scope(5, 20), entries, from: 10, of: 30, single: [try single(.key, 3), try single(.delete, 20)])
        #expect(good.ended == [11, 12])
        for bad in [
            try single(.key, 14), try single(.delete, 9), try single(.alias, 3), try single(.alias, 20),
            try single(.delete, 20, repository: "team/other"),
        ] {
            #expect(throws: AssayError.self) { try log(scope(5, 20), entries, from: 10, of: 30, single: [bad]) }
        }
    }
}

extension Digest {
    fileprivate static var sha256Zero: Digest { Digest(algorithm: .sha256, bytes: [UInt8](repeating: 0, count: 32)) }
}
