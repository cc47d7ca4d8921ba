import AssayDomain
import Testing

struct JSONWeightTests {
    private static let limit = 24_000

    private static func passes(_ text: String) -> Bool {
        (try? JSONWeight.check(Array(text.utf8), limit: limit)) != nil
    }

    private static func list(of item: String, _ count: Int) -> String {
        "[" + [String](repeating: item, count: count).joined(separator: ",") + "]"
    }

    @Test(arguments: [("1", 1_000), ("[]", 500), ("{}", 500), (#"{"a":1}"#, 333), (#""[,{:""#, 1_000)])
    func `each value and each key counts, and what stands in a text does not`(item: String, count: Int) {
        #expect(Self.passes(Self.list(of: item, count)))
        #expect(!Self.passes(Self.list(of: item, count + 1)))
    }

    @Test func `an escaped quote ends no text`() {
        let commas = String(repeating: ",", count: 5_000)
        #expect(Self.passes(#"{"a":"\"\#(commas)\\"}"#))
        #expect(!Self.passes(#"{"a":"\\"\#(commas)"}"#))
    }

    @Test func `a document of few values may be as long as the limit`() {
        #expect(Self.passes("\"" + String(repeating: "x", count: Self.limit - 2) + "\""))
    }

    @Test(arguments: ["[],", #"{"a":{}},"#, "0,", "[[]],"])
    func `a strict document has as many values as anybody writes`(item: String) {
        let text = "[" + String(repeating: item, count: 140_000) + "0]"
        #expect { try StrictJSON.check(Array(text.utf8)) } throws: { ($0 as? AssayError)?.code == .jsonInvalid }
    }
}

struct JSONOutlineTests {
    private struct Inner: Codable {
        var manifestDigest: String
        var p99Microseconds: Double?
        var isNew: Bool
    }

    private enum Kind: String, Codable { case oneKind }

    private struct Outer: Codable {
        var name: String
        var kind: Kind
        var inner: Inner
        var items: [Inner]
        var matrix: [[Int]]
        var metadata: [String: String]
        var byName: [String: Inner]
        var nothing: Int?

        private enum CodingKeys: String, CodingKey {
            case name, kind, inner, items, matrix, metadata, byName, nothing
        }
    }

    private static let inner = Inner(manifestDigest: "sha256:", p99Microseconds: 1, isNew: true)
    private static let outer = Outer(
        name: "a", kind: .oneKind, inner: inner, items: [inner, inner], matrix: [[1, 2], []],
        metadata: ["keptAsIs": "b"], byName: ["alsoKept": inner], nothing: nil)

    /// What an outline should be, by the JSON itself.
    private func outline(_ value: JSONValue) -> JSONOutline {
        switch value {
        case .list(let items): .list(items.map(outline))
        case .object(let members):
            .object(
                Dictionary(uniqueKeysWithValues: members.map { (Array($0.name.utf8), outline($0.value)) }))
        default: .leaf
        }
    }

    @Test func `an outline has the keys that the JSON has`() throws {
        let written = try JSONValue(parsing: try JSON.encode(Self.outer))
        #expect(try JSONOutline(of: Self.outer) == outline(written))
    }

    @Test(arguments: [
        (#"{"name":"x","nmae":"y"}"#, "nmae"), (#"{"inner":{"manifest_digest":"","is_New":true}}"#, "inner.is_New"),
        (#"{"items":[{},{"x":0}]}"#, "items.x"), (#"{"name":{"x":1}}"#, "name.x"),
        (#"{"metadata":{"keptAsIs":"","other":""}}"#, "metadata.other"), (#"{"nothing":1}"#, "nothing"),
        (#"{ "name" : "x" , "un\u006bnown" : [ ] }"#, "unknown"),
    ])
    func `the first unknown member is named with its path`(text: String, path: String) throws {
        #expect(try JSONOutline(of: Self.outer).firstUnknown(in: Array(text.utf8)) == path)
    }

    @Test(arguments: [
        #"{"name":null,"unknown":null,"deep":null}"#, #"{"matrix":[[1],[{"x":1}],[2]]}"#, "[]", "1", #""{""#,
        #"{"items":[{},{},{"x":0}]}"#,
    ])
    func `null, and what a list has beyond the other, says nothing`(text: String) throws {
        #expect(try JSONOutline(of: Self.outer).firstUnknown(in: Array(text.utf8)) == nil)
    }

    @Test func `names are told apart by their bytes`() throws {
        let outline = try JSONOutline(of: ["é": 1])
        #expect(try outline.firstUnknown(in: Array("{\"\u{E9}\":1}".utf8)) == nil)
        #expect(try outline.firstUnknown(in: Array("{\"e\u{301}\":1}".utf8)) == "e\u{301}")
    }
}
