package import AssayDomain
package import ONNXModel

extension FileInspection {
    /// What a file is by its content, and what it says of itself; nil for one of which nothing is to be said.
    ///
    /// Nothing of it is loaded or run. Time, and what is read and kept, are limited by `ScanLimit`: what is above that
    /// says so. Throws what the source throws.
    package init?(reading source: any RandomAccessSource, path: String) throws {
        let part = SourcePart(source, budget: ReadBudget())
        var inspection = FileInspection(path: path, format: "")
        let name = path.pathComponents.last.map(String.init) ?? path
        do {
            try Self.readKnown(part, source, named: name, into: &inspection)
        } catch let fault as NotInspected {
            inspection.notInspected = Printable.escape(fault.reason, limit: 500)
        }
        var scan = ContentScan()
        // What is read of the formats above does not shorten what is looked for here.
        try scan.look(at: SourcePart(source, budget: ReadBudget()))
        inspection.take(scan)
        guard !inspection.format.isEmpty else { return nil }
        self = inspection
    }

    private static func readKnown(
        _ part: SourcePart, _ source: any RandomAccessSource, named name: String, into inspection: inout FileInspection
    ) throws {
        if ONNXFileName.isModel(name) {
            inspection.format = Format.onnx
            do {
                inspection.take(try ONNXSummary(reading: source))
            } catch let error as ONNXModelError {
                if case .unreadable = error { throw error }
                throw NotInspected("\(error)")
            }
            return
        }
        let head = try part.bytes(0, count: 16)
        if GGUF.isOne(head) {
            inspection.format = Format.gguf
            return try GGUF.inspect(part, into: &inspection)
        }
        if try Safetensors.isLikely(part, named: name) {
            inspection.format = Format.safetensors
            return try Safetensors.inspect(part, into: &inspection)
        }
        if try !Documents.inspect(part, named: name, into: &inspection) { inspection.format = "" }
    }

    private mutating func take(_ summary: ONNXSummary) {
        (parameterCount, elementTypes) = (summary.parameterCount, nil)
        if !summary.producerName.isEmpty {
            add([.init(name: "producer", values: ["\(summary.producerName) \(summary.producerVersion)".trimmed])])
        }
    }

    /// A pickle is one whatever else the file is; what could be anything is told if nothing else is known.
    private mutating func take(_ scan: ContentScan) {
        if scan.hasPickle {
            if !format.isEmpty { add([.init(name: "also", values: [format])]) }
            format = Format.pickle
            let names = scan.imports.map { Printable.escape($0, limit: 300) }
            imports = Array(names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.prefix(ScanLimit.imports))
            if !scan.places.isEmpty { add([.init(name: "in", values: scan.places)]) }
            notInspected = (scan.rest ?? scan.opaque ?? notInspected).map { Printable.escape($0, limit: 500) }
        } else if let opaque = scan.opaque {
            if format.isEmpty { format = Format.opaque }
            isOpaque = true
            notInspected = Printable.escape(opaque, limit: 500)
        }
    }
}
