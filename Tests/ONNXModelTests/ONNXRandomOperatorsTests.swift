import ONNXSamples
import Testing

@testable import ONNXModel

struct `Operators that draw` {
    private func names(_ graph: WireBuilder, more: WireBuilder = ONNX.empty) throws -> [String] {
        try ONNXRandomOperators.names(reading: BytesSource(ONNX.model(graph, more: more)))
    }

    private static func graph(_ nodes: WireBuilder...) -> WireBuilder {
        nodes.reduce(ONNX.empty) { $0.message(1, $1) }
    }

    /// An attribute that holds graphs.
    private static func branch(_ node: WireBuilder, number: UInt64 = 6) -> WireBuilder {
        ONNX.empty.text(1, "body").message(number, graph(node))
    }

    private static func dropout(_ inputs: String...) -> WireBuilder {
        inputs.reduce(ONNX.empty.text(4, "Dropout").text(2, "y")) { $0.text(1, $1) }
    }

    private static func bool(_ name: String, raw: [UInt8]) -> WireBuilder {
        ONNX.empty.integer(2, 9).text(8, name).bytes(9, raw)
    }

    @Test func `a model without any has none`() throws {
        #expect(try names(ONNX.classifier).isEmpty)
    }

    @Test(arguments: ONNXRandomOperators.names.sorted())
    func `each is found in graphs, bodies and functions`(type: String) throws {
        #expect(try names(Self.graph(ONNX.node(type))) == [type])
        #expect(try names(Self.graph(ONNX.node(type, domain: "ai.onnx"))) == [type])
        #expect(try names(Self.graph(ONNX.node(type, domain: "com.microsoft"))) == [type])
        for number: UInt64 in [6, 11] {
            let body = Self.branch(ONNX.node(type), number: number)
            #expect(try names(Self.graph(ONNX.node("Loop", attribute: body))) == [type])
            let deeper = Self.branch(ONNX.node("If", attribute: body))
            #expect(try names(Self.graph(ONNX.node("Scan", attribute: deeper))) == [type])
        }
        let function = ONNX.empty.message(25, ONNX.empty.text(1, "f").message(7, ONNX.node(type)))
        #expect(try names(Self.graph(ONNX.node("f", domain: "own")), more: function) == [type])
    }

    @Test func `a dropout draws only in training mode`() throws {
        #expect(try names(Self.graph(Self.dropout("x"))).isEmpty)
        #expect(try names(Self.graph(Self.dropout("x", "ratio"))).isEmpty)
        #expect(try names(Self.graph(Self.dropout("x", "", ""))).isEmpty)
        #expect(try names(Self.graph(Self.dropout("x", "", "mode"))) == ["Dropout"], "nobody says that it is off")
        let dropout = Self.graph(Self.dropout("x", "", "mode"))
        #expect(try names(dropout.message(5, Self.bool("mode", raw: [0]))).isEmpty)
        #expect(try names(dropout.message(5, Self.bool("mode", raw: [1]))) == ["Dropout"])
        #expect(try names(dropout.message(5, Self.bool("mode", raw: []))) == ["Dropout"])
        let numbers = ONNX.empty.integer(2, 9).text(8, "mode")
        #expect(try names(dropout.message(5, numbers.integer(5, 0))).isEmpty)
        #expect(try names(dropout.message(5, numbers.integer(5, 1))) == ["Dropout"])
        #expect(try names(dropout.message(5, numbers.integer(5, 0).integer(5, 1))) == ["Dropout"])
        let twice = dropout.message(5, Self.bool("mode", raw: [0])).message(5, Self.bool("mode", raw: [1]))
        #expect(try names(twice) == ["Dropout"], "two readers could take either")
    }

    @Test func `a dropout in a body or function is never sure to be off`() throws {
        let off = Self.bool("mode", raw: [0])
        let body = ONNX.node("Loop", attribute: Self.branch(Self.dropout("x", "", "mode")))
        #expect(try names(Self.graph(body).message(5, off)) == ["Dropout"])
        let function = ONNX.empty.message(25, ONNX.empty.text(1, "f").message(7, Self.dropout("x", "", "mode")))
        #expect(try names(Self.graph(ONNX.node("f", domain: "own")).message(5, off), more: function) == ["Dropout"])
    }
}
