import AssayDomain
import Foundation
import Testing

/// A misspelt demand is an error, never no demand.
struct PolicyKeysTests {
    private func fault(_ json: String, allowsUnknownMetrics: Bool = false) throws -> AssayError? {
        do {
            try Policy.parse(Array(json.utf8)).checkDemands(allowsUnknownMetrics: allowsUnknownMetrics)
            return nil
        } catch let error as AssayError {
            return error
        }
    }

    private static let wrong: [(String, String)] = [
        // A decimal comma in YAML.
        (#""metrics":{"accuracy":{"min":0,"9":null}}"#, "0.9"), (#""metrics":{"accuracy":{"min":0,"9":1}}"#, "0.9"),
        // A key with dots is no path, also beside the nested one and where it would lead to a known key.
        (#""metrics.accuracy.min":0.9"#, "metrics: {accuracy: {min: …}}"),
        (#""metrics":{"accuracy":{"min":0.1}},"metrics.accuracy.min":0.9"#, "no path"),
        (#""metrics":{"accuracy":{"min":0.1},"accuracy.min":0.9}"#, ""),
        (#""metrics":{"accuracy":{"min":0.1},"accuracy.min":{"min":0.9}}"#, "no path"),
        (#""size.max_bytes":5"#, "size: {max_bytes: …}"), (#""size":{"max_bytes":5},"size.max_bytes":3"#, "no path"),
        (#""latency":{"p50.max_ratio":1.1}"#, "p50: {max_ratio: …}"),
        // Nothing is null.
        (#""size":null"#, "leave the key out"), (#""metrics":null"#, ""), (#""metrics":{"accuracy":null}"#, ""),
        (#""metrics":{"accuracy":{"min":0.9,"max_drop":null}}"#, "leave the key out"), (#""labels":[null]"#, ""),
        (#""lineage":null"#, ""), (#""profile":null"#, ""), (#""attestations":[null]"#, ""),
        (#""datasets":{"a":null}"#, ""),
        // Another case, or another number of underscores.
        (#""metrics":{"accuracy":{"min":0.1,"maxDrop":0}}"#, "did you mean 'max_drop'?"),
        (#""metrics":{"accuracy":{"min":0.1,"max__drop":0}}"#, "did you mean 'max_drop'?"),
        (#""metrics":{"accuracy":{"min":0.1,"_max_drop":0}}"#, "did you mean 'max_drop'?"),
        (#""metrics":{"accuracy":{"min":0.1,"max_drop_":0}}"#, "did you mean 'max_drop'?"),
        (#""metrics":{"accuracy":{"Min":0.1}}"#, "did you mean 'min'?"),
        (#""metrics":{"accuracy":{"min":0.1,"perSlice":{"a":{"min":1}}}}"#, "did you mean 'per_slice'?"),
        (#""Size":{"max_bytes":5}"#, "did you mean 'size'?"), (#""size":{"maxBytes":5}"#, "did you mean 'max_bytes'?"),
        (#""size":{"max_bytes":5,"maxBytes":3}"#, "did you mean 'max_bytes'?"),
        (#""deadlineSeconds":5"#, "did you mean 'deadline_seconds'?"),
        (#""sizе":{"max_bytes":5}"#, "did you mean 'size'?"),
        (#""metrics":{"accuracy":{"min":0.9,"max_dorp":0.1}}"#, "did you mean 'max_drop'?"),
        (#""metric":{"accuracy":{"min":0.9}}"#, "did you mean 'metrics'?"),
        (#""profiles":{}"#, "did you mean 'profile'?"),
        (#""memory":{"max_byte":1}"#, "did you mean 'max_bytes'?"),
        (#""latency":{"firstRun":{"max_milliseconds":1}}"#, ""),
        // Two Unicode forms of one name.
        ("\"metrics\":{\"accuracy\":{\"per_slice\":{\"\u{E9}\":{\"min\":0.9},\"e\u{301}\":{\"min\":0.1}}}}", ""),
        (#""metrics":{"accuracy":{"per_slice":{"\u00e9":{"min":0.9},"e\u0301":{"min":0.1}}}}"#, ""),
        // Numbers that one reader has and another has not.
        (#""metrics":{"accuracy":{"min":1e400}}"#, ""), (#""metrics":{"accuracy":{"min":1e-400}}"#, ""),
        (#""size":{"max_bytes":9223372036854775808}"#, ""), (#""size":{"max_bytes":9007199254740993.0}"#, ""),
        (#""size":{"max_bytes":1.5}"#, ""), (#""metrics":{"accuracy":{"min":"0.9"}}"#, ""),
        (#""metrics":{"accuracy":{"min":true}}"#, ""), (#""metrics":{"accuracy":0.9}"#, ""),
        (#""metrics":{"accuracy":{"min":0.9,"max":0.1}}"#, ""),
        (#""metrics":{"accuracy":{"per_slice":{"a":{"min":0.9,"max":0.1}}}}"#, ""),
        // Metrics that nothing measures.
        (#""metrics":{"acuracy":{"min":0.9}}"#, "did you mean 'accuracy'?"),
        (#""metrics":{"Accuracy":{"min":0.9}}"#, "did you mean 'accuracy'?"),
        (#""metrics":{"f1":{"min":0.9}}"#, "--allow-unknown"),
        (#""metrics":{"top_4":{"min":0.9}}"#, "did you mean 'top_"),
        (#""metrics":{"accuracy ":{"min":0.9}}"#, ""), (#""metrics":{"":{"min":0.9}}"#, ""),
        (#""datasets":{"a":{"dataset":"d:1","metrics":{"acuracy":{"min":0.9}}}}"#, "did you mean 'accuracy'?"),
    ]

    @Test(arguments: wrong)
    func `what could mean less than it says is refused with what was meant`(json: String, remedy: String) throws {
        let error = try #require(try fault(#"{"version":1,"dataset":"d:1",\#(json)}"#), "\(json) was taken")
        #expect(error.code == .policyInvalid)
        let told = [error.message, error.reason, error.remedy].compactMap(\.self).joined(separator: "; ")
        #expect(remedy.isEmpty || told.contains(remedy), "\(told)")
        #expect(!told.contains("\u{0}"))
    }

    @Test(arguments: [
        #""metrics":{"accuracy":{"min":0.1e1}}"#, #""metrics":{"accuracy":{"min":9E-1}}"#,
        #""metrics":{"accuracy":{"min":0.0,"max_drop":0}}"#, #""metrics":{"mae":{"max":1e3},"top_3":{"min":0.5}}"#,
        #""metrics":{"r2":{"min":-0.5,"max":-0.5}}"#, #""size":{"max_bytes":9223372036854775807}"#,
        #""metrics":{"macro_f1":{"min":0.1,"per_slice":{"Größe.x":{"min":0.1},"größe.x":{"min":0.2}}}}"#,
        #""m\u0065trics":{"accuracy":{"min":0.9}}"#,
    ])
    func `what every reader understands alike is taken`(json: String) throws {
        #expect(try fault(#"{"version":1,"dataset":"d:1",\#(json)}"#) == nil)
    }

    @Test func `a metric of its own may be bounded if that is said`() throws {
        let json = #"{"version":1,"dataset":"d:1","metrics":{"bleu":{"min":0.9}}}"#
        #expect(try fault(json)?.code == .policyInvalid)
        #expect(try fault(json, allowsUnknownMetrics: true) == nil)
        let dotted = #"{"version":1,"dataset":"d:1","metrics":{"bleu.min":{"min":0.9}}}"#
        #expect(try fault(dotted, allowsUnknownMetrics: true)?.code == .policyInvalid, "a dot is no path")
    }

    /// The schema, the keys that are known here, and what a policy encodes are one list.
    @Test func `the known keys are those of the schema`() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../schema/json/policy-v1.json")
        let schema = try JSONValue(parsing: [UInt8](try Data(contentsOf: path)))
        #expect(keys(of: Policy.shape, at: "").sorted() == keys(ofSchema: schema, in: schema, at: "").sorted())
    }

    private func keys(of shape: KeyShape, at path: String) -> [String] {
        switch shape {
        case .value: []
        case .list(let inner), .valueOr(let inner): keys(of: inner, at: path)
        case .map(let inner): keys(of: inner, at: path + "/*")
        case .object(let known): known.flatMap { [path + "/" + $0.key] + keys(of: $0.value, at: path + "/" + $0.key) }
        }
    }

    private func keys(ofSchema part: JSONValue, in schema: JSONValue, at path: String) -> [String] {
        if case .text(let reference)? = part["$ref"], let name = reference.split(separator: "/").last {
            return schema.value(at: ["$defs", String(name)]).map { keys(ofSchema: $0, in: schema, at: path) } ?? []
        }
        var found: [String] = []
        for member in part["properties"]?.members ?? [] {
            found += [path + "/" + member.name]
            found += keys(ofSchema: member.value, in: schema, at: path + "/" + member.name)
        }
        for name in ["items", "additionalProperties"] {
            guard let inner = part[name], case .object = inner else { continue }
            found += keys(ofSchema: inner, in: schema, at: name == "items" ? path : path + "/*")
        }
        if case .list(let choices)? = part["oneOf"] {
            found += choices.flatMap { keys(ofSchema: $0, in: schema, at: path) }
        }
        return found
    }

    @Test func `values of JSON stand as they are written`() throws {
        let text = #" { "a" : [ 1.50e3 , -0 , "x\"\\\u00e9\ud83d\ude00\/" , true,false , null, {}, [] ] , "a.b":"" } "#
        let value = try JSONValue(parsing: Array(text.utf8))
        #expect(
            value
                == .object([
                    .init(
                        name: "a",
                        value: .list([
                            .number("1.50e3"), .number("-0"), .text("x\"\\é😀/"), .flag(true), .flag(false), .null,
                            .object([]), .list([]),
                        ])),
                    .init(name: "a.b", value: .text("")),
                ]))
        #expect(value.value(at: ["a.b"]) == .text("") && value.value(at: ["a", "b"]) == nil)
    }

    private static let values: [(String, [String])] = [
        (#""tries":3"#, ["tries has a number", "tries: {max: …}"]),
        (#""metrics":{"accuracy":0.9}"#, ["metrics.accuracy has a number", "accuracy: {min: …}"]),
        (#""size":{"max_bytes":"100MiB"}"#, ["size.max_bytes", "'100MiB'", "whole number of bytes"]),
        (#""memory":{"max_bytes":[1]}"#, ["memory.max_bytes", "a list"]),
        (#""tries":{"max":"3"}"#, ["tries.max", "'3'"]),
        (#""lineage":["trained_on"]"#, ["'trained_on'", "did you mean 'trained-on'?", "derived-from"]),
        (#""lineage":[3]"#, ["lineage", "trained-on"]),
        (#""waivers":{"role":"releese"}"#, ["'releese'", "did you mean 'release'?"]),
        (#""waivers":{"role":"log"}"#, ["signs no waivers", "release, training or registry"]),
        (#""attestations":[{"type":"provenance","role":"log"}]"#, ["signs no statements", "release, training"]),
        (#""attestations":[{"type":"provenance","keys":[]}]"#, ["list of keys is empty"]),
        (#""labels":["a=b"]"#, ["names labels of workers and measures nothing"]),
        (#""deadline_seconds":0"#, ["deadline_seconds is 0", "86400"]),
        (#""dataset":"d:1","inputs":["label"],"metrics":{"accuracy":{"min":0.9}}"#, ["never fed to a model"]),
    ]

    @Test(arguments: values)
    func `a value that a key cannot have is told with what it may be`(demand: String, told: [String]) throws {
        let error = try #require(try fault("{\"version\":1,\(demand)}"))
        #expect(error.code == .policyInvalid)
        let text = [error.message, error.reason ?? "", error.remedy ?? ""].joined(separator: "; ")
        for part in told { #expect(text.contains(part), "\(text)") }
    }

    @Test func `a stored policy with a deadline that could not be set any more is read`() throws {
        let json = Array(#"{"deadline_seconds":0,"version":1}"#.utf8)
        #expect(try Policy.parse(stored: json).deadlineSeconds == 0)
    }
}
