// The stone alone, face up, for the laboratory's report.
// Written for Hallmark. Licence: Apache-2.0 OR MIT.
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 24 adc_bailout 0.01 }
#declare Eye = <2.5, 60, -9>;
#include "studio.inc"
#include "ring.inc"
camera { location Eye look_at <0, GirdleHeight, 0> up y right x * image_width / image_height angle 9.4 }
Softbox(<-40, 80, 30>, 50, 50, 1.6)
Softbox(<60, 50, -20>, 34, 50, 1.3)
Softbox(<-60, 60, -50>, 30, 40, 1.1)
Lamp(<-30, 80, 20>, rgb 0.95, 40)
sky_sphere { pigment { gradient y color_map { [0 rgb 0.9] [0.55 rgb 0.35] [0.8 rgb 0.12] [1 rgb 0.30] } } }
plane { y, 6 pigment { rgb 0.93 } finish { ambient 0 diffuse 0.85 emission 0.16 } }
object { Stone }
