import ONNXModel

/// The rewrite that computes products with constant weights in integers.
///
/// Y = A·W becomes, with a scale per column of W and W's zero point 0:
/// DynamicQuantizeLinear(A) gives a, its scale s and its zero point z; MatMulInteger(a, w, z) sums in int32; Cast and
/// two Mul give Y = float(sum) · (s · scale of W).
extension RewritePlan {
    /// Weights use 129 steps and not 255: without VNNI, x86 processors add two products of uint8 and int8 in 16 bits,
    /// and 2 · 255 · 64 is the most that those hold. So every processor gives the sums that ONNX defines.
    private static let weightLimit: Int8 = 64

    /// How a node takes its weights; nodes that share weights must agree on it.
    private struct Shape: Hashable {
        let isTransposed: Bool
        let factor: Float
    }

    /// Weights that were quantized.
    private struct Weights {
        let integers: Name
        let scale: Name
    }

    /// What DynamicQuantizeLinear makes of a tensor.
    private struct Activation {
        let integers: Name
        let scale: Name
        let zeroPoint: Name
    }

    mutating func computeInInt8() throws {
        try gatherFromInt8()
        for graph in scan.graphs.indices { try computeInInt8(in: graph) }
    }

    private mutating func computeInInt8(in graph: Int) throws {
        var weights: [Name: Weights] = [:]
        for constant in scan.graphs[graph].constants {
            guard let shape = shape(of: constant, in: graph), let tensor = try floats(of: constant, in: graph),
                let quantizer = try ChannelQuantizer(
                    tensor, axis: shape.isTransposed ? 0 : 1, limit: Self.weightLimit)
            else { continue }
            let scales = quantizer.scales.map { $0 * shape.factor }
            guard scales.allSatisfy({ $0.isNormal }) else { continue }
            weights[constant.name] = try store(
                constant, in: graph, quantizer, scales, isTransposed: shape.isTransposed)
        }
        var activations: [Name: Activation] = [:]
        for (place, node) in scan.graphs[graph].operators.sorted(by: { $0.key < $1.key }) {
            guard let name = node.weight, let weights = weights[name] else { continue }
            replaceNode(at: place, in: graph, by: try product(node, weights, &activations))
        }
    }

    /// How all users of a weight take it; nil unless every one can compute in integers, and in the same way.
    private func shape(of constant: Initializer, in graph: Int) -> Shape? {
        let scanned = scan.graphs[graph]
        guard constant.dimensions.count == 2, let uses = scanned.uses[constant.name], uses.others == 0,
            let first = uses.asWeight.first.flatMap({ scanned.operators[$0] }).flatMap(Self.shape),
            uses.asWeight.allSatisfy({ scanned.operators[$0].flatMap(Self.shape) == first })
        else { return nil }
        return first
    }

    private static func shape(of node: OperatorNode) -> Shape? {
        guard node.outputs.count == 1, node.outputs != [[]], !node.inputs[0].isEmpty else { return nil }
        switch node.type {
        case "MatMul": return node.inputs.count == 2 ? Shape(isTransposed: false, factor: 1) : nil
        case "Gemm":
            let alpha = node.float("alpha", default: 1)
            let hasPlainBias = bias(of: node) == nil || node.float("beta", default: 1) == 1
            guard node.inputs.count <= 3, node.integer("transA", default: 0) == 0, hasPlainBias, alpha.isFinite else {
                return nil
            }
            return Shape(isTransposed: node.integer("transB", default: 0) != 0, factor: alpha)
        default: return nil
        }
    }

    private static func bias(of node: OperatorNode) -> Name? {
        node.inputs.count == 3 && !node.inputs[2].isEmpty ? node.inputs[2] : nil
    }

    private mutating func store(
        _ initializer: Initializer, in graph: Int, _ quantizer: ChannelQuantizer, _ scales: [Float], isTransposed: Bool
    ) throws -> Weights {
        let weights = Weights(
            integers: names.name("int8", of: initializer.name), scale: names.name("scale", of: initializer.name))
        let dimensions = quantizer.tensor.dimensions
        let content: any TensorContent =
            isTransposed ? TransposedContent(quantizer: quantizer) : QuantizedContent(quantizer: quantizer)
        replace(
            initializer, in: graph,
            by: [
                try Draft.tensor(
                    weights.integers, .int8, dimensions: isTransposed ? dimensions.reversed() : dimensions,
                    data: content),
                try Draft.scales(weights.scale, scales),
            ],
            bytesBefore: quantizer.tensor.byteCount, bytesAfter: content.byteCount + scales.count * 4)
        return weights
    }

    /// The nodes in the place of a product. A tensor that several products take is quantized once.
    private mutating func product(
        _ node: OperatorNode, _ weights: Weights, _ activations: inout [Name: Activation]
    ) throws -> [MessageDraft] {
        var drafts: [MessageDraft] = []
        let (input, output) = (node.inputs[0], node.outputs[0])
        let activation: Activation
        if let known = activations[input] {
            activation = known
        } else {
            activation = Activation(
                integers: names.name("uint8", of: input), scale: names.name("range", of: input),
                zeroPoint: names.name("zero", of: input))
            activations[input] = activation
            drafts.append(
                try Draft.node(
                    "DynamicQuantizeLinear", [input],
                    [activation.integers, activation.scale, activation.zeroPoint],
                    name: names.name("quantize", of: input)))
        }
        let (sum, float) = (names.name("sum", of: output), names.name("float", of: output))
        let scale = names.name("factor", of: output)
        let bias = Self.bias(of: node)
        let unbiased = bias == nil ? output : names.name("product", of: output)
        drafts += [
            try Draft.node(
                "MatMulInteger", [activation.integers, weights.integers, activation.zeroPoint], [sum], name: sum),
            try Draft.node("Cast", [sum], [float], name: float, attribute: ("to", Draft.ElementType.float32.rawValue)),
            try Draft.node("Mul", [activation.scale, weights.scale], [scale], name: scale),
            try Draft.node("Mul", [float, scale], [unbiased], name: names.name("scaled", of: output)),
        ]
        if let bias {
            drafts.append(
                try Draft.node("Add", [unbiased, bias], [output], name: names.name("biased", of: output)))
        }
        return drafts
    }
}
