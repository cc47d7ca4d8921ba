import ONNXModel
import ONNXSamples
import Testing

struct `Classes that classifiers tell` {
    private static func node(
        _ type: String, domain: String = "ai.onnx.ml", from input: String, to outputs: String...,
        attributes: [WireBuilder] = []
    ) -> WireBuilder {
        let named = outputs.reduce(ONNX.empty.text(1, input)) { $0.text(2, $1) }
        return attributes.reduce(named.text(4, type).text(7, domain)) { $0.message(5, $1) }
    }

    private static func numbers(_ name: String, _ numbers: [Int64], isPacked: Bool = false) -> WireBuilder {
        let list = ONNX.empty.text(1, name)
        let filled =
            isPacked
            ? list.bytes(8, numbers.flatMap { WireBuilder.varint(UInt64(bitPattern: $0)) })
            : numbers.reduce(list) { $0.integer(8, $1) }
        return filled.integer(20, 7)
    }

    private static func texts(_ name: String, _ texts: [String]) -> WireBuilder {
        texts.reduce(ONNX.empty.text(1, name)) { $0.text(9, $1) }.integer(20, 8)
    }

    private func lists(_ output: String, _ nodes: WireBuilder...) throws -> Set<ONNXClassLists.List> {
        let graph = nodes.reduce(ONNX.empty) { $0.message(1, $1) }
        return try ONNXClassLists(reading: BytesSource(ONNX.model(graph))).lists(behind: output)
    }

    @Test(arguments: [true, false])
    func `numbers and texts are found behind the outputs that depend on them`(isPacked: Bool) throws {
        let forest = Self.node(
            "TreeEnsembleClassifier", from: "x", to: "label", "raw",
            attributes: [
                Self.numbers("nodes_nodeids", [0, 1, 2]),
                Self.numbers("classlabels_int64s", [-1, 5], isPacked: isPacked),
            ])
        let cast = Self.node("Cast", domain: "", from: "raw", to: "p")
        let other = Self.node("Scaler", from: "x", to: "emb")
        #expect(try lists("p", forest, cast, other) == [.numbers([-1, 5])])
        #expect(try lists("label", cast, other, forest) == [.numbers([-1, 5])])
        #expect(try lists("emb", forest, cast, other).isEmpty)
        #expect(try lists("nowhere", forest).isEmpty)
        let named = Self.node(
            "ZipMap", from: "raw", to: "maps", attributes: [Self.texts("classlabels_strings", ["a", "b"])])
        #expect(try lists("maps", forest, named) == [.numbers([-1, 5]), .texts(["a", "b"])])
    }

    @Test func `a list of another domain, and two of one node, are none`() throws {
        let list = Self.numbers("classlabels_ints", [0, 1])
        #expect(
            try lists("y", Self.node("LinearClassifier", domain: "own", from: "x", to: "y", attributes: [list])).isEmpty
        )
        #expect(
            try lists(
                "y",
                Self.node(
                    "LinearClassifier", from: "x", to: "y",
                    attributes: [list, Self.texts("classlabels_strings", ["a", "b"])])
            ).isEmpty)
    }

    @Test func `a circle of nodes is walked once`() throws {
        let one = Self.node("Identity", domain: "", from: "b", to: "a")
        let two = Self.node(
            "LinearClassifier", from: "a", to: "b", attributes: [Self.numbers("classlabels_ints", [1, 2])])
        #expect(try lists("a", one, two) == [.numbers([1, 2])])
    }
}
