import AssayDomain
import Testing

struct StrictJSONTests {
    @Test(arguments: [
        "{}", "[]", "0", "-0.5e+10", "\"a\"", "true", "null", " { \"a\" : [ 1 , 2 ] } ", "\"\\u00e9\\n\"",
        "\"\\ud83d\\ude00\"", "{\"a\":{\"a\":1}}",
    ])
    func `a document is taken`(text: String) throws {
        try StrictJSON.check(Array(text.utf8))
    }

    @Test(arguments: [
        "", "{", "}", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "01", "1.", "+1", ".5", "1e", "tru", "nul", "\"a",
        "\"\t\"", "\"\\x\"", "\"\\ud83d\"", "\"\\ude00\"", "{} {}", "1 2", "NaN", "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}", "'a'", "\u{FEFF}{}",
    ])
    func `what is no document is refused`(text: String) {
        #expect(throws: AssayError.self) { try StrictJSON.check(Array(text.utf8)) }
    }

    @Test func `nesting is limited and does not use up the stack`() throws {
        let fits = String(repeating: "[", count: 63) + String(repeating: "]", count: 63)
        try StrictJSON.check(Array(fits.utf8))
        let deep = String(repeating: "[", count: 1_000_000)
        #expect(throws: AssayError.self) { try StrictJSON.check(Array(deep.utf8)) }
    }

    @Test func `bytes that are not UTF-8 are refused`() {
        #expect(throws: AssayError.self) { try StrictJSON.check([0x22, 0xFF, 0x22]) }
        #expect(throws: AssayError.self) { try StrictJSON.check([0x22, 0xC0, 0x80, 0x22]) }
    }

    @Test func `a missing field is named`() throws {
        do {
            _ = try JSON.decode(VerificationReport.Subject.self, from: Array(#"{"repository":"a","number":1}"#.utf8))
            Issue.record("it was decoded")
        } catch let error as AssayError {
            #expect(error.code == .jsonInvalid)
            #expect(error.reason?.contains("digest") == true)
        }
    }
}
