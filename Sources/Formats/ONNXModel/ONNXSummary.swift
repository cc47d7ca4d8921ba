/// What an ONNX file says about itself: its interface, its operators and its size, without its weights.
///
/// Text comes from the file as it is, cut to its limit and with malformed UTF-8 replaced. It may hold control
/// characters, so whoever prints it escapes it.
package struct ONNXSummary: Sendable, Equatable {
    /// The version of the file format.
    package var irVersion: Int64 = 0
    /// The name of the tool that wrote the file; empty if it did not say.
    package var producerName = ""
    /// The version of that tool; empty if it did not say.
    package var producerVersion = ""
    /// The operator-set version that the model needs, by domain; the default domain is called `ai.onnx`.
    package var opsets: [String: Int64] = [:]
    /// What the model must be given, in the file's order; initializers with the name of an input are not among them.
    package var inputs: [ONNXValue] = []
    /// What the model gives, in the file's order.
    package var outputs: [ONNXValue] = []
    /// How often each operator occurs, sorted by name, subgraphs and the model's own functions included.
    package var operators: [ONNXOperatorCount] = []
    /// The number of elements of all initializers and of what `Constant` nodes give, subgraphs included.
    package var parameterCount: Int64 = 0
    /// The element types of these, the one with the most elements first.
    package var precision: [String] = []
    /// Whether operators that compute with quantized integers occur.
    package var isQuantized = false
    /// The files beside this one that hold weights, sorted by location.
    package var externalData: [ONNXExternalData] = []
    /// The model's free properties; long values end with `…`.
    package var metadata: [String: String] = [:]
}

/// A file beside a model that holds data of its tensors.
package struct ONNXExternalData: Codable, Sendable, Equatable {
    /// Exactly as the model names it; whoever opens it makes sure that it is a path within the model's folder.
    package let location: String
    /// Where the last part that the model names ends, in bytes; a part without a length counts as empty.
    package let end: Int64

    package init(location: String, end: Int64) {
        self.location = location
        self.end = end
    }
}

/// One input or output of a model.
package struct ONNXValue: Codable, Sendable, Equatable {
    package let name: String
    /// The element type, such as `float32`; for what is not a tensor its whole type, such as `sequence(float32)`.
    package let elementType: String
    /// One entry per axis; nil if the model does not fix the number of axes.
    package let shape: [ONNXDimension]?

    package init(name: String, elementType: String, shape: [ONNXDimension]?) {
        self.name = name
        self.elementType = elementType
        self.shape = shape
    }

    private enum CodingKeys: String, CodingKey {
        case name
        case elementType = "element_type"
        case shape
    }
}

/// The length of one axis of a tensor; a number or a text in JSON.
package enum ONNXDimension: Sendable, Equatable {
    case fixed(Int64)
    /// A name that stands for any length, `?` where the model gives none.
    case symbolic(String)
}

/// An operator and how often it occurs.
package struct ONNXOperatorCount: Codable, Sendable, Equatable {
    /// The operator's type; with its domain and a dot in front if that is not the default one.
    package let name: String
    package let count: Int

    package init(name: String, count: Int) {
        self.name = name
        self.count = count
    }
}

extension ONNXSummary: Codable {
    private enum CodingKeys: String, CodingKey {
        case irVersion = "ir_version"
        case producerName = "producer_name"
        case producerVersion = "producer_version"
        case opsets, inputs, outputs, operators
        case parameterCount = "parameter_count"
        case precision
        case isQuantized = "quantized"
        case externalData = "external_data"
        case metadata
    }
}

extension ONNXDimension: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {  // Not a text: then it must be a number.
            self = .symbolic(text)
        } else {
            self = .fixed(try container.decode(Int64.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .fixed(let length): try container.encode(length)
        case .symbolic(let name): try container.encode(name)
        }
    }
}
