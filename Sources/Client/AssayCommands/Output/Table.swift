import AssayDomain

/// Rows under headings, columns aligned; every cell is made safe to print.
struct Table {
    private static let gap = "  "
    private static let cellCharactersMax = 120

    private let headings: [String]
    private var rows: [[String]] = []

    init(_ headings: String...) { self.init(headings: headings) }

    init(headings: [String]) { self.headings = headings.map { Printable.escape($0, limit: Self.cellCharactersMax) } }

    var isEmpty: Bool { rows.isEmpty }

    /// Adds a row; it has as many cells as there are headings.
    mutating func add(_ cells: String...) { add(row: cells) }

    mutating func add(row cells: [String]) {
        precondition(cells.count == headings.count, "a row has a cell under each heading")
        rows.append(cells.map { Printable.escape($0, limit: Self.cellCharactersMax) })
    }

    /// The lines of the table; none end in blanks.
    var lines: [String] {
        let all = [headings] + rows
        let widths = headings.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { Self.line($0, widths: widths) }
    }

    private static func line(_ cells: [String], widths: [Int]) -> String {
        var text = ""
        for (cell, width) in zip(cells, widths) {
            text += cell + String(repeating: " ", count: width - cell.count) + gap
        }
        while text.last == " " { text.removeLast() }
        return text
    }
}

extension Console {
    func print(_ table: Table) throws {
        for line in table.lines { try self.print(line) }
    }
}
