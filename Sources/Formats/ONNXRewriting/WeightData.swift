import ONNXModel

/// Where the data of the outermost graph's initializers lies: in the model, or in files beside it.
struct WeightData {
    /// The names of the files that hold data, each once.
    let externalFiles: [String]
    private let source: any RandomAccessSource
    /// By the bytes of their names: as texts, `é` in one scalar and in two would be the same file.
    private let external: [[UInt8]: any RandomAccessSource]

    /// Opens the files that initializers name. Throws `ONNXModelError` for one that is not there.
    init(
        source: any RandomAccessSource, initializers: [Initializer], externalFiles: ModelRewrite.ExternalFiles
    ) throws {
        self.source = source
        var external: [[UInt8]: any RandomAccessSource] = [:]
        var names: [String] = []
        for initializer in initializers where initializer.isExternal {
            guard let location = initializer.external["location"] else {
                throw ONNXModelError.invalid("a tensor keeps its data in a file that it does not name")
            }
            if external[Array(location.utf8)] != nil { continue }
            guard let file = try externalFiles(location) else {
                throw ONNXModelError.invalid("a tensor keeps its data in a file that is not there: \(location)")
            }
            external[Array(location.utf8)] = file
            names.append(location)
        }
        self.external = external
        self.externalFiles = names
    }

    /// The values of a float32 tensor; nil if it is of another type, too small to be worth it, or kept in pieces.
    func floats(of initializer: Initializer) throws -> FloatTensor? {
        guard initializer.elementType == 1, !initializer.hasOtherData else { return nil }
        var count = 1
        for length in initializer.dimensions {
            let (product, isOverflow) = count.multipliedReportingOverflow(by: length)
            guard !isOverflow else { throw ONNXModelError.invalid("a tensor has more elements than 64 bits count") }
            count = product
        }
        guard count >= ModelRewrite.elementsMin else { return nil }
        let (source, runs) = try values(of: initializer)
        let bytes = runs.reduce(0) { $0 + $1.count } * 4
        guard bytes / 4 == count else {
            throw ONNXModelError.invalid("a tensor of \(count) float32 values has \(bytes) bytes of data")
        }
        return FloatTensor(source: source, runs: runs, dimensions: initializer.dimensions, count: count)
    }

    /// A tensor of another file with its data within; all else of it stays.
    func inlined(_ initializer: Initializer) throws -> MessageDraft {
        let (source, range) = try place(of: initializer)
        var draft = MessageDraft()
        var wire = WireReader(self.source)
        var fields = initializer.message
        while fields.byteCount > 0 {
            let start = fields.position
            guard let field = try wire.next(&fields) else { break }
            // 9, 13, 14: raw_data, external_data, data_location
            if ![9, 13, 14].contains(field.number) { try draft.copy(start..<fields.position) }
        }
        try draft.content(9, SourceBytes(source: source, range: range))
        return draft
    }

    /// Where the float32 values of a tensor lie.
    private func values(of initializer: Initializer) throws -> (any RandomAccessSource, [FloatRun]) {
        if !initializer.isExternal, initializer.rawData == nil, !initializer.floatRuns.isEmpty {
            return (source, initializer.floatRuns)
        }
        let (source, range) = try place(of: initializer)
        guard range.count % 4 == 0 else {
            throw ONNXModelError.invalid("a tensor of float32 values has \(range.count) bytes of data")
        }
        return (source, range.isEmpty ? [] : [FloatRun(position: range.lowerBound, count: range.count / 4)])
    }

    private func place(of initializer: Initializer) throws -> (any RandomAccessSource, Range<Int>) {
        guard initializer.isExternal else {
            guard let range = initializer.rawData, initializer.floatRuns.isEmpty else {
                throw ONNXModelError.invalid("a tensor has no data, or has it twice")
            }
            return (source, range)
        }
        guard let location = initializer.external["location"], let file = external[Array(location.utf8)] else {
            throw ONNXModelError.invalid("a tensor keeps its data in a file that it does not name")
        }
        let offset = try number("offset", of: initializer) ?? 0
        guard offset <= file.byteCount else { throw Self.outside(location) }
        let length = try number("length", of: initializer) ?? (file.byteCount - offset)
        guard length <= file.byteCount - offset else { throw Self.outside(location) }
        return (file, offset..<offset + length)
    }

    private func number(_ key: String, of initializer: Initializer) throws -> Int? {
        guard let text = initializer.external[key] else { return nil }
        guard let number = Int(text), number >= 0 else {
            throw ONNXModelError.invalid("external data has a bad offset or length")
        }
        return number
    }

    private static func outside(_ location: String) -> ONNXModelError {
        .invalid("a tensor's data ends after its file: \(location)")
    }
}
