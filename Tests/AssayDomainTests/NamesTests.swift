import AssayDomain
import Testing

/// Runs a parser and gives the code of its failure; nil if it succeeds.
private func code(_ body: () throws -> Void) -> ErrorCode? {
    do {
        try body()
        return nil
    } catch {
        return (error as? AssayError)?.code
    }
}

struct NamesTests {
    static let hex = String(repeating: "0123456789abcdef", count: 4)

    @Test(arguments: ["sha256:\(hex)", "sha512:\(hex)\(hex)"])
    func `a well-formed digest is read and written back`(text: String) throws {
        #expect(try Digest(parsing: text).description == text)
    }

    @Test(arguments: [
        "", "sha256", "sha256:", "sha256:\(hex.uppercased())", "sha256:\(hex.dropLast())", "sha256:\(hex)0",
        "sha512:\(hex)", "SHA256:\(hex)", "sha256:\(hex.dropLast())g", "sha256:\(hex.dropLast())é",
    ])
    func `a malformed digest is refused`(text: String) {
        #expect(code { _ = try Digest(parsing: text) } == .digestInvalid)
    }

    @Test(arguments: ["md5:d41d8cd98f00b204e9800998ecf8427e", "blake3:\(hex)"])
    func `an unknown algorithm is refused by its own code`(text: String) {
        #expect(code { _ = try Digest(parsing: text) } == .digestUnsupported)
    }

    @Test(arguments: ["a", "digits", "team/fraud", "a.b_c__d-e--f/0", "a---b", "x/y/z"])
    func `a repository name of the grammar is taken`(text: String) throws {
        #expect(try RepositoryName(parsing: text).text == text)
    }

    @Test(arguments: [
        "", "A", "Digits", "a/", "/a", "a//b", ".a", "a.", "a..b", "a___b", "_a", "-a", "a-", "a._b", "a b", "a:b",
        "a\\b", "a%2fb", "a%252fb", "../a", "a/../b", "é", "a\u{200B}b", "\u{202E}a", "а",
        String(repeating: "a", count: 201),
    ])
    func `a repository name outside of the grammar is refused`(text: String) {
        #expect(code { _ = try RepositoryName(parsing: text) } == .nameInvalid)
    }

    @Test(arguments: ["production", "_x", "v1.0", "A-b.C", "1a", String(repeating: "a", count: 128)])
    func `a tag that is not all digits is an alias`(text: String) throws {
        guard case .alias(let alias) = try Tag(parsing: text) else {
            Issue.record("\(text) was read as a number")
            return
        }
        #expect(alias.text == text)
    }

    @Test(arguments: ["1", "42", "20240101123000", "999999999999999"])
    func `a tag of digits is a version number`(text: String) throws {
        guard case .number(let number) = try Tag(parsing: text) else {
            Issue.record("\(text) was read as an alias")
            return
        }
        #expect(number.description == text)
    }

    @Test(arguments: [
        "", ".a", "-a", "a b", "a/b", "a:b", "é", "0", "007", "1000000000000000", "99999999999999999999",
        String(repeating: "a", count: 129),
    ])
    func `a malformed tag is refused`(text: String) {
        #expect(code { _ = try Tag(parsing: text) } == .tagInvalid)
    }

    @Test(arguments: ["team/fraud:3", "digits:production", "digits@sha256:\(hex)"])
    func `a reference is read and written back`(text: String) throws {
        #expect(try Reference(parsing: text).description == text)
    }

    @Test(arguments: [
        ("digits", ErrorCode.referenceInvalid), (":3", .nameInvalid), ("digits:", .tagInvalid),
        ("digits@sha256:00", .digestInvalid), ("digits:3:4", .tagInvalid), ("Digits:3", .nameInvalid),
    ])
    func `a malformed reference tells which part is wrong`(text: String, expected: ErrorCode) {
        #expect(code { _ = try Reference(parsing: text) } == expected)
    }

    @Test func `control characters of a name are escaped in the error`() throws {
        do {
            _ = try RepositoryName(parsing: "a\u{1B}[31m")
            Issue.record("the name was taken")
        } catch {
            #expect(!error.message.unicodeScalars.contains("\u{1B}"))
        }
    }
}

struct TimestampTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_795_414_649_250, "2026-11-23T06:17:29.250Z"), (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
    ])
    func `a moment is written in UTC and read back`(milliseconds: Int64, text: String) {
        let moment = Timestamp(milliseconds: milliseconds)
        #expect(moment.description == text)
        #expect(Timestamp(parsing: text) == moment)
    }

    @Test(arguments: [
        "", "2026-11-23", "2026-13-01T00:00:00.000Z", "2026-02-30T00:00:00.000Z", "2026-11-23T06:17:29.25Z",
    ])
    func `another form is refused`(text: String) {
        #expect(Timestamp(parsing: text) == nil)
    }
}
