import AssayDomain

/// A confusion matrix as a table whose cells are shaded by their share of the expected class.
struct ConfusionGrid: Sendable {
    struct Head: Sendable {
        let name: String
    }
    struct Cell: Sendable {
        let count: String
        let look: String
        /// Told of cells that hold something.
        let tip: String?
    }
    struct Row: Sendable {
        let expected: String
        let cells: [Cell]
        let right: String
    }

    /// With more classes the cells cannot be told apart.
    static let classesMax = 60
    /// From how many classes on the cells are small.
    private static let smallFrom = 16
    private static let uprightCharactersMax = 4
    private static let shades = 9

    let heads: [Head]
    let rows: [Row]
    let look: String
    let columnCount: Int

    /// Nil for more classes than can be drawn. The matrix is square and has a row for each class.
    init?(counts: [[Int]], classes: [String]) {
        guard !classes.isEmpty, classes.count <= Self.classesMax else { return nil }
        heads = classes.map { Head(name: Printable.escape($0)) }
        columnCount = classes.count
        look =
            (classes.count >= Self.smallFrom ? "small" : "large")
            + (classes.contains { $0.count > Self.uprightCharactersMax } ? " turned" : "")
        let names = heads.map(\.name)
        rows = counts.enumerated().map { row, values in
            let all = values.reduce(0) { $0 &+ $1 }
            let cells = values.enumerated().map { column, count in
                Self.cell(count, of: all, isRight: row == column, expected: names[row], predicted: names[column])
            }
            return Row(
                expected: names[row], cells: cells,
                right: all > 0 ? Quantity.percent(Double(values[row]) / Double(all)) : "-")
        }
    }

    private static func cell(_ count: Int, of all: Int, isRight: Bool, expected: String, predicted: String) -> Cell {
        guard count > 0, all > 0 else { return Cell(count: "0", look: "none", tip: nil) }
        let share = min(1, Double(count) / Double(all))
        let shade = max(1, Int((share * Double(shades)).rounded(.up)))
        return Cell(
            count: Quantity.grouped(count), look: "\(isRight ? "hit" : "miss") l\(shade)",
            tip: "\(expected) taken for \(predicted): \(count), \(Quantity.percent(share)) of the class")
    }
}
