import AssayDomain
import Foundation

/// Turns values into coordinates, and knows which values are worth a tick.
struct Scale {
    let low: Double
    let high: Double
    /// Coordinates of the two ends.
    let start: Double
    let end: Double
    let isLogarithmic: Bool

    init(_ low: Double, _ high: Double, from start: Double, to end: Double, isLogarithmic: Bool = false) {
        let isUsable = low.isFinite && high.isFinite && high > low
        self.low = isUsable ? low : (low.isFinite ? low : 0)
        self.high = isUsable ? high : self.low + max(1e-9, abs(self.low) * 0.1)
        self.start = start
        self.end = end
        self.isLogarithmic = isLogarithmic && low > 0
    }

    /// The coordinate of a value; of one outside, the nearest end.
    func at(_ value: Double) -> Double {
        let share =
            isLogarithmic
            ? (log(max(value, low)) - log(low)) / (log(high) - log(low)) : (value - low) / (high - low)
        return start + min(1, max(0, share)) * (end - start)
    }

    /// `count` pieces that are equally wide in the drawing: their edges.
    func edges(_ count: Int) -> [Double] {
        (0...count).map { index in
            let share = Double(index) / Double(count)
            return isLogarithmic ? low * pow(high / low, share) : low + share * (high - low)
        }
    }

    /// Round values within the scale, about as many as wanted.
    func ticks(about count: Int) -> [Double] {
        isLogarithmic ? logarithmicTicks(about: count) : linearTicks(about: count)
    }

    private func linearTicks(about count: Int) -> [Double] {
        let step = Self.step((high - low) / Double(max(1, count)))
        let first = (low / step).rounded(.up)
        return (0...(4 * count)).map { (first + Double($0)) * step }.filter { $0 <= high + step * 1e-6 }
    }

    private func logarithmicTicks(about count: Int) -> [Double] {
        let decades =
            Quantity.decimalExponent(
                of: low)...max(
                Quantity.decimalExponent(of: low), Quantity.decimalExponent(of: high))
        let factors: [Double] = decades.count > count ? [1] : decades.count > count / 2 ? [1, 3] : [1, 2, 5]
        let stride = max(1, decades.count / (count * 2))
        return decades.filter { $0.isMultiple(of: stride) }
            .flatMap { decade in factors.map { $0 * Quantity.power(10, decade) } }
            .filter { $0 >= low * 0.999_999 && $0 <= high * 1.000_001 }
    }

    /// The next of 1, 2, 2.5, 5, 10 times a power of ten.
    private static func step(_ rough: Double) -> Double {
        let power = Quantity.power(10, Quantity.decimalExponent(of: rough))
        return ([1, 2, 2.5, 5].first { $0 * power >= rough * 0.999_999 } ?? 10) * power
    }

    /// Ticks as text, all with as many decimals as tell them apart.
    static func labels(_ values: [Double]) -> [String] {
        for decimals in 0...6 {
            let scale = Quantity.power(10, decimals)
            let isExact = values.allSatisfy {
                abs($0 * scale - ($0 * scale).rounded()) < 1e-6 * max(1, abs($0 * scale))
            }
            if isExact { return values.map { Figure.fixed($0, decimals) } }
        }
        return values.map(Quantity.metric)
    }
}

/// The unit in which times of an axis read best.
struct TimeUnit {
    let name: String
    let microseconds: Double

    init(for most: Double) {
        let units: [(String, Double)] = [("s", 1_000_000), ("ms", 1_000), ("µs", 1), ("ns", 0.001)]
        (name, microseconds) = units.first { most >= $0.1 } ?? ("ns", 0.001)
    }
}
