import ONNXModel

/// A node of a graph; of those that a rewrite knows, with what it has to know of them.
struct OperatorNode {
    struct Attribute {
        var name = ""
        var float: Float?
        var integer: Int64?
        /// Whether its value comes from the function around it.
        var isReference = false
    }

    /// An attribute that holds graphs: its fields in the file's order, each with the graph that it is, if it is one.
    struct GraphAttribute {
        var fields: [(number: Int, range: Range<Int>, graph: Int?)] = []
    }

    let message: WireMessage
    var type = ""
    var domain = ""
    var name: Name = []
    var inputs: [Name] = []
    var outputs: [Name] = []
    var attributes: [Attribute] = []
    /// The node's fields in the file's order; empty for a node without graphs.
    var fields: [(number: Int, range: Range<Int>, attribute: GraphAttribute?)] = []
    /// The names from around it that its graphs use.
    var freeNames: [Name] = []
    /// The tensor that a `Constant` gives.
    var constant: Initializer?

    init(message: WireMessage) { self.message = message }

    var isStandard: Bool { domain.isEmpty || domain == "ai.onnx" }

    /// Which input has its weights, if it is one of Gather, MatMul, Gemm and Conv.
    var weightIndex: Int? {
        guard isStandard, inputs.count >= 2 else { return nil }
        switch type {
        case "Gather": return 0
        case "MatMul", "Gemm", "Conv": return 1
        default: return nil
        }
    }

    /// The name of its weights, if it has some.
    var weight: Name? { weightIndex.map { inputs[$0] } }

    func float(_ name: String, default value: Float) -> Float {
        attributes.last { $0.name == name }?.float ?? value
    }

    func integer(_ name: String, default value: Int64) -> Int64 {
        attributes.last { $0.name == name }?.integer ?? value
    }
}
