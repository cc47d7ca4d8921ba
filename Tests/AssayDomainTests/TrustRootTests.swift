import AssayDomain
import Testing

struct TrustRootTests {
    private func name(_ text: String) throws -> RepositoryName { try RepositoryName(parsing: text) }

    private func key(
        _ id: String, _ role: TrustedKey.Role = .release, for patterns: [String]? = nil, from: Int64? = nil,
        until: Int64? = nil, revoked: Int64? = nil
    ) throws -> TrustedKey {
        TrustedKey(
            id: id, name: id, pem: "PEM", role: role,
            repositories: try patterns?.map { try RepositoryPattern(parsing: $0) },
            validFrom: from.map(Timestamp.init(milliseconds:)), validUntil: until.map(Timestamp.init(milliseconds:)),
            addedAt: Timestamp(milliseconds: 0), revokedAt: revoked.map(Timestamp.init(milliseconds:)))
    }

    @Test func `a key counts in its role, for its repositories, in its time, and until it is revoked`() throws {
        let root = TrustRoot(keys: [
            try key("all"), try key("team", for: ["team/*"]), try key("one", for: ["team/fraud"]),
            try key("later", from: 11), try key("earlier", until: 9), try key("now", from: 10, until: 10),
            try key("revoked", revoked: 99), try key("training", .training),
        ])
        func ids(_ repository: String, at time: Int64) throws -> [String] {
            root.keys(.release, for: try name(repository), at: Timestamp(milliseconds: time)).map(\.id)
        }
        #expect(try ids("team/fraud", at: 10) == ["all", "team", "one", "now"])
        #expect(try ids("team/fraud/sub", at: 11) == ["all", "team", "later"])
        #expect(try ids("teams/fraud", at: 9) == ["all", "earlier"])
    }

    @Test(arguments: [
        ("*", "a", true), ("a/*", "a/b/c", true), ("a/*", "a", false), ("a/*", "ab/c", false), ("a", "a", true),
        ("a", "a/b", false),
    ])
    func `a pattern matches whole components`(pattern: String, repository: String, isMatch: Bool) throws {
        #expect(try RepositoryPattern(parsing: pattern).matches(try name(repository)) == isMatch)
    }

    @Test(arguments: ["", "/*", "a*", "*/a", "A", "a/**", "a/*/b"])
    func `another text is no pattern`(text: String) {
        #expect(throws: AssayError.self) { try RepositoryPattern(parsing: text) }
    }

    @Test func `a trust root is read back as it was`() throws {
        let root = TrustRoot(keys: [try key("a", for: ["x/*"], from: 1, until: 2, revoked: 3)])
        #expect(try TrustRoot.parse(try JSON.encode(root)) == root)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"format":2,"keys":[]}"#, #"{"format":1}"#,
        #"{"format":1,"keys":[{"id":"a","name":"a","pem":"p","role":"root","added_at":"1970-01-01T00:00:00.000Z"}]}"#,
    ])
    func `another document is no trust root`(text: String) {
        #expect(throws: AssayError.self) { try TrustRoot.parse(Array(text.utf8)) }
    }

    @Test(arguments: [
        #""valid_untill":"1970-01-01T00:00:00.000Z""#, #""validUntil":"1970-01-01T00:00:00.000Z""#,
        #""repositories":[]"#,
        #""revoked":true"#,
    ])
    func `a limit that would be passed over is refused`(member: String) throws {
        let start = #"{"id":"a","name":"a","pem":"p","role":"release","added_at":"1970-01-01T00:00:00.000Z""#
        _ = try TrustRoot.parse(Array(#"{"format":1,"keys":[\#(start)}]}"#.utf8))
        let text = #"{"format":1,"keys":[\#(start),\#(member)}]}"#
        #expect(throws: AssayError.self) { try TrustRoot.parse(Array(text.utf8)) }
    }

    @Test func `unknown members of the root and a key that stands twice are refused`() throws {
        #expect(throws: AssayError.self) {
            try TrustRoot.parse(Array(#"{"format":1,"keys":[],"revoked":["a"]}"#.utf8))
        }
        let twice = try JSON.encode(TrustRoot(keys: [try key("a", revoked: 3), try key("a")]))
        #expect(throws: AssayError.self) { try TrustRoot.parse(twice) }
    }
}
