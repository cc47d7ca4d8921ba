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
        (#"{"a": {"b": "c"}}"#, #"{"a":{"b":"c"}}"#), ("a: 2026-01-02", #"{"a":"2026-01-02"}"#),
        ("a: &x 1\nb: *x", #"{"a":1,"b":1}"#), ("a: team/fraud:3", #"{"a":"team/fraud:3"}"#),
    ])
    func `plain values become JSON`(yaml: String, expected: String) throws {
        #expect(try json(yaml) == expected)
    }

    @Test(arguments: [
        "", "a: 1\na: 2", "a: !!python/object x", "a: !mine {b: 1}", "a: .nan", "a: .inf",
        "<<: {a: 1}", "? [a]\n: 1", "a: [", "a: 99999999999999999999", "a: 1\n---\nb: 2", "a: !!binary aGk=",
    ])
    func `everything else is refused`(yaml: String) {
        let error = #expect(throws: AssayError.self) { try json(yaml) }
        #expect(error?.code == .policyInvalid)
    }

    @Test func `size, count and depth have limits`() {
        #expect(throws: AssayError.self) { try json(String(repeating: "#", count: YAMLValue.bytesMax + 1)) }
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
        let wrong = try folder.write("descriptoin: x", as: "w.yaml")
        #expect(throws: AssayError.self) { try read.read(file: wrong) }
    }
}
