import AssayDomain

/// Turns any JSON into tables: every object with plain values becomes a row, named by the way to it.
enum TreeTable {
    private struct Row {
        let path: [String]
        let values: [String: JSONTree]

        var columns: [String] {
            // How many there were is read first.
            values.keys.sorted { ($0 == "samples" ? 0 : 1, $0) < ($1 == "samples" ? 0 : 1, $1) }
        }
    }

    /// A table for each kind of row, that is, for each set of columns.
    static func tables(of tree: JSONTree) -> [ReportTable] {
        var (groups, order): ([[String]: [Row]], [[String]]) = ([:], [])
        for row in rows(of: tree, path: []) {
            if groups[row.columns] == nil { order.append(row.columns) }
            groups[row.columns, default: []].append(row)
        }
        return order.map { table(of: groups[$0] ?? [], columns: $0) }
    }

    private static func table(of rows: [Row], columns: [String]) -> ReportTable {
        let depth = rows.map(\.path.count).max() ?? 0
        var table = ReportTable(
            columns.joined(separator: ", "),
            headings: [String](repeating: "", count: depth) + columns)
        for row in rows {
            let path = row.path + [String](repeating: "", count: depth - row.path.count)
            table.add(path.map { .head($0) } + columns.map { cell(row.values[$0]) })
        }
        return table
    }

    private static func rows(of tree: JSONTree, path: [String]) -> [Row] {
        switch tree {
        case .object(let members):
            let (own, others) = split(members)
            return (own.isEmpty ? [] : [Row(path: path, values: own)])
                + others.sorted { $0.key < $1.key }.flatMap { rows(of: $0.value, path: path + [$0.key]) }
        case .list(let list):
            return list.enumerated().flatMap { position, item in
                // A part of an object that is a text names it.
                guard case .object(var members) = item,
                    let name = members.filter({ if case .text = $0.value { true } else { false } }).keys.min(),
                    let text = members.removeValue(forKey: name)?.scalar
                else { return rows(of: item, path: path + ["\(position + 1)"]) }
                return rows(of: .object(members), path: path + [text])
            }
        default: return []
        }
    }

    /// The plain values of an object, those of its plain parts among them if it has some itself; and all other parts.
    private static func split(
        _ members: [String: JSONTree]
    ) -> (own: [String: JSONTree], others: [String: JSONTree]) {
        var own = members.filter { isCell($0.value) }
        var others = members.filter { !isCell($0.value) }
        guard !own.isEmpty else { return (own, others) }
        for (name, part) in others where !part.members.isEmpty && part.members.values.allSatisfy(isCell) {
            guard Set(part.members.keys).isDisjoint(with: own.keys) else { continue }
            own.merge(part.members) { mine, _ in mine }
            others[name] = nil
        }
        return (own, others)
    }

    private static func isCell(_ value: JSONTree) -> Bool {
        if case .list(let list) = value { return list.allSatisfy { $0.scalar != nil } }
        return value.scalar != nil
    }

    private static func cell(_ value: JSONTree?) -> ReportTable.Cell {
        switch value {
        case .number(let number): .number(Quantity.metric(number))
        case .list(let list): .text(list.compactMap(\.scalar).joined(separator: ", "))
        default: .text(value?.scalar ?? "")
        }
    }
}
