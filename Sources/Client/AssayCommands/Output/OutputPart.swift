import AssayDomain

/// A line, a table or aligned fields: what they look like is decided where they are printed.
enum OutputPart: ExpressibleByStringInterpolation {
    case line(String)
    case table(Table)
    /// Names and what they have, one a line.
    case fields([(name: String, value: String)])

    private static let valueCharactersMax = 1_000

    init(stringLiteral line: String) { self = .line(line) }

    /// The lines that it becomes, in pieces; given a width, for a terminal that is so wide.
    func rows(width: Int?) -> [[ToneText]] {
        switch self {
        case .line(let line): return [[ToneText(line)]]
        case .table(let table): return table.rows(width: width)
        case .fields(let fields):
            let longest = fields.map(\.name.count).max() ?? 0
            return fields.map { name, value in
                let blanks = String(repeating: " ", count: longest - name.count + 2)
                let text = Printable.escape(value, limit: Self.valueCharactersMax)
                return [ToneText(Printable.escape(name) + blanks + (width == nil ? text : Table.short(text)))]
            }
        }
    }
}

extension Console {
    func print(_ parts: [OutputPart]) throws {
        for row in parts.flatMap({ $0.rows(width: width) }) { try self.print(row) }
    }
}
