import AssayDomain

/// Rows under headings, columns aligned; every cell is made safe to print.
struct Table {
    private static let gap = "  "
    private static let cellCharactersMax = 120
    /// Stands where the rest of a cell was cut away.
    private static let cut = "…"
    /// How narrow columns get, one step after the other, until a row fits.
    private static let floors = [32, 20, 12, 8, 4]
    /// The columns whose words say how something stands.
    private static let standings: Set<String> = ["STATUS", "STATE", "RESULT", "VERDICT"]

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

    /// The lines of the table in pieces; none end in blanks. Those that say how something stands have a tone. Given a
    /// width, rows are made to fit it and times are short.
    func rows(width: Int?) -> [[ToneText]] {
        guard let width else { return Self.arranged([headings] + rows, headings) }
        var all = [headings] + rows.map { $0.map(Self.short) }
        var headings = headings
        if Self.total(Self.widths(of: all)) > width { Self.dropEmpty(&all, &headings) }
        let widths = Self.fitting(Self.widths(of: all), headings, all, into: width)
        for row in all.indices { all[row] = zip(all[row], widths).map(Self.cut) }
        return Self.arranged(all, headings)
    }

    private static func arranged(_ all: [[String]], _ headings: [String]) -> [[ToneText]] {
        let widths = widths(of: all)
        return all.enumerated().map { index, row in
            // What follows the last cell would be blanks.
            var row = row
            while let last = row.last, last.allSatisfy({ $0 == " " }) { row.removeLast() }
            while let last = row.last, last.hasSuffix(" ") { row[row.count - 1].removeLast() }
            let end = row.count
            return row.enumerated().flatMap { column, cell -> [ToneText] in
                let tone = index > 0 && standings.contains(headings[column]) ? Tone(of: cell) : nil
                let blanks = String(repeating: " ", count: widths[column] - cell.count) + gap
                return [ToneText(cell, tone)] + (column == end - 1 ? [] : [ToneText(blanks)])
            }
        }
    }

    private static func widths(of all: [[String]]) -> [Int] {
        (all.first ?? []).indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    }

    private static func total(_ widths: [Int]) -> Int {
        widths.reduce(0, +) + gap.count * max(0, widths.count - 1)
    }

    /// Takes away the columns that say nothing in any row.
    private static func dropEmpty(_ all: inout [[String]], _ headings: inout [String]) {
        guard all.count > 1 else { return }
        let kept = headings.indices.filter { column in all.dropFirst().contains { !["", "-"].contains($0[column]) } }
        all = all.map { row in kept.map { row[$0] } }
        headings = kept.map { headings[$0] }
    }

    /// Makes the widest columns narrower until a row fits; headings stay whole, and so do times.
    private static func fitting(_ widths: [Int], _ headings: [String], _ all: [[String]], into width: Int) -> [Int] {
        var widths = widths
        let least = headings.indices.map { column in
            let isTime = all.dropFirst().contains { isShort($0[column]) }
            return isTime ? widths[column] : headings[column].count
        }
        for floor in floors {
            while total(widths) > width {
                let open = widths.indices.filter { widths[$0] > max(floor, least[$0]) }
                guard let widest = open.max(by: { widths[$0] < widths[$1] }) else { break }
                widths[widest] -= 1
            }
        }
        return widths
    }

    private static func cut(_ cell: String, to width: Int) -> String {
        cell.count <= width ? cell : cell.prefix(max(0, width - cut.count)) + cut
    }

    /// A time to the minute, in UTC as all of them; any other cell as it is.
    static func short(_ cell: String) -> String {
        guard Timestamp(parsing: cell) != nil else { return cell }
        return cell.prefix(10) + " " + cell.dropFirst(11).prefix(5)
    }

    private static func isShort(_ cell: String) -> Bool {
        Timestamp(parsing: cell.replacing(" ", with: "T") + ":00.000Z") != nil
    }
}

extension Console {
    func print(_ table: Table) throws { try self.print([.table(table)]) }
}
