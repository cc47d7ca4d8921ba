import AssayDomain
import Testing

@testable import AssayCommands

struct YAMLTests {
    private func json(_ text: String) throws -> String {
        let value = try YAMLValue.parse(Array(text.utf8), name: "f", code: .policyInvalid)
        return String(decoding: try JSON.encode(value), as: UTF8.self)
    }

    @Test(arguments: [
        ("a: 1", #"{"a":1}"#), ("a: 0.5\nb: [x, true, null]", #"{"a":0.5,"b":["x",true,null]}"#),
        ("a: \"1\"", #"{"a":"1"}"#), ("max_bytes: 5", #"{"max_bytes":5}"#), ("maxBytes: 5", #"{"maxBytes":5}"#),
        (#"{"a": {"b": "c"}}"#, #"{"a":{"b":"c"}}"#), ("a: '2026-01-02'", #"{"a":"2026-01-02"}"#),
        ("a: &x 1\nb: *x", #"{"a":1,"b":1}"#), ("a: team/fraud:3", #"{"a":"team/fraud:3"}"#),
    ])
    func `plain values become JSON`(yaml: String, expected: String) throws {
        #expect(try json(yaml) == expected)
    }

    @Test(arguments: [
        "", "a: 1\na: 2", "a: !!python/object x", "a: !mine {b: 1}", "a: .nan", "a: .inf",
        "<<: {a: 1}", "? [a]\n: 1", "a: [", "a: 99999999999999999999", "a: 1\n---\nb: 2", "a: !!binary aGk=",
        "a: 2026-01-02", "a: 0x1F", "a: 020", "a: no", "a: 1:30", "é: 1\ne\u{301}: 2", "a: !!int '1'", "a: !!str 020",
    ])
    func `everything else is refused`(yaml: String) {
        let error = #expect(throws: AssayError.self) { try json(yaml) }
        #expect(error?.code == .policyInvalid)
    }

    @Test func `size, count and depth have limits`() {
        let long = #expect(throws: AssayError.self) { try json(String(repeating: "#", count: YAMLNode.bytesMax + 1)) }
        #expect(long?.code == .bodyTooLarge)
        #expect(throws: AssayError.self) { try json("[" + String(repeating: "1,", count: 20_000) + "1]") }
        let doubling = (1...30).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]" }.joined(separator: "\n")
        #expect(throws: AssayError.self) { try json("a0: &a0 x\n" + doubling) }
        #expect(throws: AssayError.self) {
            try json(String(repeating: "[", count: 100) + String(repeating: "]", count: 100))
        }
        #expect(throws: AssayError.self) { try json(String(repeating: "[", count: 100_000)) }
    }

    @Test func `metadata is read and unknown fields are refused`() throws {
        let folder = try TestFolder()
        let file = try folder.write(
            """
            description: Digits
            metrics: {accuracy: 0.97, runs: 3}
            hyperparameters: {rate: 0.01, layers: 2, name: x}
            trained_on: team/data:4
            derived_from: team/base:1
            as: quantized
            run_id: r-1
            """, as: "m.yaml")
        var read = PushMetadata()
        read.metadata.metrics = ["accuracy": 0.5, "loss": 0.1]
        try read.read(file: file)
        #expect(read.metadata.metrics == ["accuracy": 0.97, "loss": 0.1, "runs": 3])
        #expect(read.metadata.hyperparameters == ["rate": "0.01", "layers": "2", "name": "x"])
        #expect(read.metadata.runId == "r-1")
        #expect(read.lineage.map(\.relation) == [.trainedOn, .quantizedFrom])
    }

    @Test(arguments: [
        "4b825dc", "1234e56", "0012345", "9509e34", "0x1234a", "12e4567", "no", "1.10", "007", "12:30:45", "2026-01-02",
        "1234567890123456789012345678901234567890", "true", "0b11", "1_000", ".5", "+1", "'0042'",
    ])
    func `a field of text takes what was written, letter by letter`(word: String) throws {
        let text = word.replacing("'", with: "")
        let read = try metadata(
            """
            description: \(word)
            framework: \(word)
            license: \(word)
            run_id: \(word)
            git_commit: \(word)
            hyperparameters: {seed: \(word), layers: [\(word), b]}
            """
        ).metadata
        #expect(
            [read.description, read.framework, read.license, read.runId, read.gitCommit]
                == Array(repeating: text, count: 5))
        #expect(read.hyperparameters == ["seed": text, "layers": "[\(text), b]"])
    }

    @Test(arguments: [
        ("descriptoin: x", "there is no field 'descriptoin'"), ("git_commit:", "git_commit has no value"),
        ("git_commit: ~", "git_commit has no value"), ("run_id: [a]", "run_id is no text"),
        ("license: {a: b}", "license is no text"), ("metrics: {a: 0x1F}", "metrics.a is no number"),
        ("metrics: {a: 1:30}", "metrics.a is no number"), ("metrics: {a: '0.9'}", "metrics.a is no number"),
        ("metrics: {a: high}", "metrics.a is no number"), ("metrics: {a: 0,9}", "metrics.9 is no number"),
        ("metrics: {a: .nan}", "metrics.a is no number"), ("metrics: {a: 1e999}", "metrics.a is too large"),
        ("metrics: {a: {b: 1}}", "metrics.a is no number"), ("metrics: 0.9", "metrics is no list of fields"),
        ("metrics: {'': 1}", "metrics has a field without a name"), ("- a", "the file is no list of fields"),
        ("hyperparameters: {a: {b: 1}}", "hyperparameters.a is no text"),
        ("hyperparameters: {a: [[1]]}", "hyperparameters.a is no text"), ("as: derived", "'as' says how"),
        ("git_commit: !!str 1234e56", "it uses a tag"),
    ])
    func `what is not of its field's type is refused by the field's name`(text: String, reason: String) throws {
        let error = #expect(throws: AssayError.self) { try metadata(text) }
        #expect(error?.code == .metadataInvalid)
        #expect(error?.reason?.contains(reason) == true, "\(error?.reason ?? "nothing")")
    }

    private func metadata(_ text: String) throws -> PushMetadata {
        let folder = try TestFolder()
        let file = try folder.write(text, as: "m.yaml")
        var read = PushMetadata()
        try withExtendedLifetime(folder) { try read.read(file: file) }
        return read
    }
}
