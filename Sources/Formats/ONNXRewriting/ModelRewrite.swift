package import ONNXModel

/// A model rewritten to another precision, ready to be written; the same model always gives the same bytes.
///
/// What is not rewritten stays byte for byte as it was, unknown fields included. Weights in other files are taken into
/// the model. Format: docs/formats/variants.md.
package struct ModelRewrite {
    /// Finds a file beside the model by the name that the model gives it; nil if there is none.
    package typealias ExternalFiles = (_ location: String) throws -> (any RandomAccessSource)?

    /// What became of the weights.
    package struct Report: Sendable, Equatable {
        /// How many tensors are stored in another precision.
        package internal(set) var tensorCount = 0
        /// The bytes of these tensors before, and after with their scales.
        package internal(set) var bytesBefore = 0
        package internal(set) var bytesAfter = 0
    }

    /// Tensors with fewer values are left as they are: what stands around them would outweigh what is saved.
    package static let elementsMin = 256
    /// From this version of the format on an initializer need not be an input as well.
    private static let irVersionMin: Int64 = 4

    package let report: Report
    /// The files whose weights are now in the model, by the names that it gave them.
    package let inlinedFiles: [String]
    private let source: any RandomAccessSource
    private let draft: MessageDraft

    /// How many bytes the model has.
    package var byteCount: Int { draft.byteCount }

    /// Reads a model and decides what is rewritten; its weights are read once to find their ranges.
    ///
    /// Throws `ONNXModelError` for what is no model, `RewriteRefusal` for a model that cannot be rewritten so, and what
    /// the sources throw.
    package init(
        reading source: any RandomAccessSource, precision: Precision, externalFiles: ExternalFiles
    ) throws {
        try Self.check(try ONNXSummary(reading: source), for: precision)
        let scan = try ModelScan(source)
        let data = try WeightData(
            source: source, initializers: scan.graphs[scan.outermost].initializers, externalFiles: externalFiles)
        var plan = RewritePlan(scan: scan, data: data)
        switch precision {
        case .float16: try plan.storeAsFloat16()
        case .int8Weights: try plan.storeAsInt8()
        case .int8Dynamic: try plan.computeInInt8()
        }
        guard plan.report.tensorCount > 0 else {
            throw RewriteRefusal(
                "no weights of the model can be stored as \(precision.rawValue)",
                remedy: "only float32 constants of \(Self.elementsMin) values and more that are neither inputs nor "
                    + "outputs are rewritten, for int8 those of \(precision.operators) alone")
        }
        self.source = source
        report = plan.report
        inlinedFiles = data.externalFiles
        draft = try plan.model()
    }

    /// Writes the model. The original must not have changed since it was read.
    package func write(to receive: ByteReceiver) throws { try draft.write(copyingFrom: source, to: receive) }

    private static func check(_ summary: ONNXSummary, for precision: Precision) throws(RewriteRefusal) {
        guard summary.irVersion >= irVersionMin else {
            throw RewriteRefusal(
                "the model's format is version \(summary.irVersion), in which every weight is an input as well",
                remedy: "export it anew with IR version \(irVersionMin) or later")
        }
        guard let opset = summary.opsets["ai.onnx"], opset >= precision.opsetMin else {
            let known = summary.opsets["ai.onnx"].map { "is \($0)" } ?? "is not named"
            throw RewriteRefusal(
                "\(precision.rawValue) needs operator set \(precision.opsetMin), and the model's \(known)",
                remedy: "export the model for operator set \(precision.opsetMin) or later, or convert it with "
                    + "onnx.version_converter")
        }
        guard !summary.isQuantized else {
            throw RewriteRefusal(
                "the model is quantized already", remedy: "rewrite the version that it was derived from")
        }
    }
}
