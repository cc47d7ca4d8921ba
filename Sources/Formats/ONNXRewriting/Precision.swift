/// How the numbers of a model are stored, and what is computed with them, after a rewrite.
///
/// Format: docs/formats/variants.md.
package enum Precision: String, Sendable, CaseIterable {
    /// Weights are stored as float16 and cast back to float32 where they are used.
    case float16 = "fp16"
    /// Weights of MatMul, Gemm and Conv are stored as int8 with a scale per output channel, those of Gather with one
    /// per row, and dequantized for use.
    case int8Weights = "int8-weights"
    /// MatMul and Gemm with constant weights compute in integers; activations are quantized as they come. The tables of
    /// Gather are stored as int8, and what is taken from them is dequantized.
    case int8Dynamic = "int8-dynamic"

    /// The operators whose weights are stored as int8, in words.
    var operators: String {
        switch self {
        case .float16, .int8Weights: "MatMul, Gemm, Conv and Gather"
        case .int8Dynamic: "MatMul, Gemm and Gather"
        }
    }

    /// The first version of the default operator set that has what the rewrite puts in.
    ///
    /// Source: Operators.md of ONNX 1.23: Cast with a number as `to` came with 6, DequantizeLinear with an axis with
    /// 13, DynamicQuantizeLinear with 11, MatMulInteger with 10.
    package var opsetMin: Int64 {
        switch self {
        case .float16: 6
        case .int8Weights: 13
        case .int8Dynamic: 11
        }
    }
}

/// A model that can be read and cannot be rewritten: why, and what to do about it.
package struct RewriteRefusal: Error, Sendable, Equatable {
    package let reason: String
    package let remedy: String

    init(_ reason: String, remedy: String) {
        self.reason = reason
        self.remedy = remedy
    }
}
