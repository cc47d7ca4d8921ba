import AssayDomain
import Testing

@testable import AssayCommands

/// Where an audit finds the time of an entry.
struct EntryTimeTests {
    private func entry(_ milliseconds: Int64, actor: String = "owner") -> [UInt8] {
        AuditEntry(
            .alias, at: Timestamp(milliseconds: milliseconds), actor: actor,
            [.alias: .text("production"), .repository: .text(#"x,"at":"9999-12-31T00:00:00.000Z"#)]
        ).encoded()
    }

    private func time(_ bytes: [UInt8]) -> EntryTime? { EntryTime(in: bytes[...]) }

    @Test func `times stand in the order of the moments`() throws {
        let moments: [Int64] = [0, 1, 999, 1_000, 59_999, 86_400_000, 1_800_000_000_000, 253_402_300_799_999]
        let times = try moments.map { try #require(time(entry($0))) }
        #expect(times == times.sorted())
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 })
        #expect(time(entry(5)) == time(entry(5, actor: "somebody else")))
    }

    @Test func `a text that looks like a time is none`() throws {
        let forged = entry(7, actor: #"x","at":"9999-12-31T00:00:00.000Z"#)
        #expect(time(forged) == time(entry(7)))
        #expect(time(Array(#"{"kind":"alias"}"#.utf8)) == nil)
        #expect(time(Array(#"{"actor":"x","at":"2026"}"#.utf8)) == nil)
    }
}
