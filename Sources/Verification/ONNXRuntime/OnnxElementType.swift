/// The type of one element of a tensor; the raw value is the library's number for it.
package enum OnnxElementType: Int32, CaseIterable, Sendable {
    case float32 = 1
    case uint8, int8, uint16, int16, int32, int64
    case string
    case bool
    case float16, float64, uint32, uint64
    case complex64, complex128
    case bfloat16

    /// Bytes of one element; nil for strings, which have no fixed size.
    package var byteSize: Int? {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16, .float16, .bfloat16: 2
        case .float32, .int32, .uint32: 4
        case .float64, .int64, .uint64, .complex64: 8
        case .complex128: 16
        case .string: nil
        }
    }

    package var name: String { String(describing: self) }
}

/// An input or output of a model, as its graph declares it.
package struct OnnxValueDescription: Equatable, Sendable {
    /// What a value is.
    package enum Kind: Equatable, Sendable {
        /// A dense tensor; a dimension is nil where the graph leaves it open.
        case tensor(OnnxElementType, shape: [Int?])
        /// A sequence: of tensors, or of maps as classifiers answer.
        case sequence
        /// A map, optional or sparse tensor, or a tensor of a type without a number here.
        case other
    }

    package let name: String
    package let kind: Kind

    package init(name: String, kind: Kind) {
        self.name = name
        self.kind = kind
    }
}
