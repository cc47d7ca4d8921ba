import AssayDomain
import Foundation
import Testing

struct AuditEntryTests {
    private let entry = AuditEntry(
        .alias, at: Timestamp(milliseconds: 250), actor: "local",
        [
            .repository: .text("team/fraud"), .alias: .text("production"), .from: nil, .to: .number(3),
            .cause: .text("promotion"),
        ])

    @Test func `an entry is one flat object with its keys in order`() {
        #expect(
            String(decoding: entry.encoded(), as: UTF8.self)
                == #"{"actor":"local","alias":"production","at":"1970-01-01T00:00:00.250Z","cause":"promotion","#
                + #""kind":"alias","repository":"team/fraud","to":3}"#)
    }

    @Test func `an entry is read back as it was, alone and within a message`() throws {
        #expect(try AuditEntry(parsing: entry.encoded()) == entry)
        #expect(try JSON.decode([AuditEntry].self, from: JSON.encode([entry])) == [entry])
        let key = AuditEntry(
            .key, at: Timestamp(milliseconds: 1), actor: "x", [.validUntil: .text("2030"), .artifactType: .text("t")])
        #expect(try JSON.decode(AuditEntry.self, from: JSON.encode(key)) == key)
    }

    @Test(arguments: ["quote \" and \\", "line\nfeed\u{1}\u{7F}", "größe 🙂", ""])
    func `any text is kept, and JSON for every reader`(text: String) throws {
        let entry = AuditEntry(.key, at: Timestamp(milliseconds: 1), actor: text, [.name: .text(text)])
        #expect(try AuditEntry(parsing: entry.encoded()) == entry)
        let object = try JSONSerialization.jsonObject(with: Data(entry.encoded())) as? [String: Any]
        #expect(object?["name"] as? String == text)
    }

    @Test func `an entry never outgrows a bundle of entries`() throws {
        let long = String(repeating: "\u{1}", count: 70_000)
        let details = Dictionary(
            uniqueKeysWithValues: AuditEntry.Field.allCases.filter { ![.kind, .at, .actor].contains($0) }
                .map { ($0, AuditEntry.Value.text(long)) })
        let bytes = AuditEntry(.manifest, at: Timestamp(milliseconds: 1), actor: long, details: details).encoded()
        #expect(bytes.count <= AuditEntry.bytesMax)
        #expect(try AuditEntry(parsing: bytes).kind == .manifest)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"kind":"alias","at":"yesterday","actor":"a"}"#, #"{"kind":"x"}"#, "{\"a\":[]}",
    ])
    func `another document is no entry`(text: String) {
        #expect(throws: AssayError.self) { try AuditEntry(parsing: Array(text.utf8)) }
    }
}
