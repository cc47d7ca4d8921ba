import AssayDomain
import HTTPKit
import Testing

struct RoutePatternTests {
    static func match(_ pattern: String, _ path: String) -> [String: String]? {
        RoutePattern(pattern).match(RoutePattern.segments(of: path)).map { captures in
            Dictionary(uniqueKeysWithValues: captures.map { ($0.name, $0.text) })
        }
    }

    @Test(arguments: [
        ("/v2/{name...}/blobs/{digest}", "/v2/a/b/blobs/x", ["name": "a/b", "digest": "x"]),
        ("/v2/{name...}/blobs/uploads/", "/v2/a/blobs/uploads/", ["name": "a"]),
        (
            "/v2/{name...}/manifests/{reference}", "/v2/a/manifests/b/manifests/c",
            ["name": "a/manifests/b", "reference": "c"]
        ),
        ("/api/v1/versions/{reference...}", "/api/v1/versions/team/fraud:3", ["reference": "team/fraud:3"]),
        ("/healthz", "/healthz", [:]),
    ])
    func `a path is matched from both ends`(pattern: String, path: String, captures: [String: String]) {
        #expect(Self.match(pattern, path) == captures)
    }

    @Test(arguments: [
        ("/v2/{name...}/blobs/{digest}", "/v2/blobs/x"), ("/v2/{name...}/blobs/{digest}", "/v2/a/blobs/"),
        ("/v2/{name...}/tags/list", "/v2/a/tags/list/"), ("/healthz", "/healthz/"), ("/healthz", "/"),
        ("/api/v1/keys/{id}", "/api/v1/keys/a/b"),
    ])
    func `another form does not match`(pattern: String, path: String) {
        #expect(Self.match(pattern, path) == nil)
    }

    @Test func `the pattern that fixes more is the more specific one`() {
        let list = RoutePattern("/v2/{name...}/tags/list").specificity
        let manifest = RoutePattern("/v2/{name...}/manifests/{reference}").specificity
        #expect(list > manifest)
    }
}

struct ByteRangeTests {
    @Test(arguments: [
        ("bytes=0-0", 0..<1), ("bytes=0-", 0..<10), ("bytes=9-", 9..<10), ("bytes=2-100", 2..<10), ("bytes=-3", 7..<10),
        ("bytes=-100", 0..<10),
    ])
    func `a range is cut to the content`(header: String, part: Range<Int64>) throws {
        #expect(try ByteRange(header: header, size: 10) == .part(part))
    }

    @Test(arguments: ["bytes=10-", "bytes=10-20", "bytes=5-2", "bytes=-0", "bytes=99999999999999999999-"])
    func `a range outside of the content is not satisfiable`(header: String) {
        #expect(throws: AssayError.self) { try ByteRange(header: header, size: 10) }
    }

    @Test(arguments: [nil, "bytes", "bytes=", "bytes=-", "items=0-1", "bytes=0-1,2-3", "bytes=a-b", "bytes=+1-2"])
    func `another form means the whole`(header: String?) throws {
        #expect(try ByteRange(header: header, size: 10) == .whole)
    }

    @Test func `empty content has no ranges`() throws {
        #expect(throws: AssayError.self) { try ByteRange(header: "bytes=0-", size: 0) }
        #expect(throws: AssayError.self) { try ByteRange(header: "bytes=-1", size: 0) }
    }
}

struct QueryTests {
    @Test func `values are decoded`() throws {
        let query = try Query(parsing: "a=1+2&b=%C3%A9&c&a=1+2")
        #expect(try query["a"] == "1+2")
        #expect(try query["b"] == "é")
        #expect(try query["c"] == "")
        #expect(try query["d"] == nil)
    }

    @Test func `what is asked for must have one value, and what nobody asks for may have several`() throws {
        let query = try Query(parsing: "tag=1&tag=2&n=5")
        #expect(try query.integer("n", in: 0...9) == 5)
        #expect(throws: AssayError.self) { try query["tag"] }
        #expect(throws: AssayError.self) { try query.required("tag") }
        #expect(throws: AssayError.self) { try query.flag("tag") }
    }

    @Test(arguments: ["a=%zz", "a=%FF", String(repeating: "a&", count: 65)])
    func `an ambiguous or broken query is refused`(text: String) {
        #expect(throws: AssayError.self) { try Query(parsing: text) }
    }
}
