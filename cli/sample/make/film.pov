// Episode 2: the ring on a turntable, rocking in the light. Rendered as an animation, `clock` from 0 to 1, from one
// end of the swing to the other; make.sh plays it there and back.
// Written for Hallmark. Licence: Apache-2.0 OR MIT.
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 16 adc_bailout 0.03 }

#declare LampGrid = 4;
#declare BandSteps = 420;
#declare Eye = <0, 33, -58>;
#include "studio.inc"
#include "ring.inc"

camera { location Eye look_at <0, 1.2, 0> right x * image_width / image_height angle 29 }

Softbox(<-25, 75, 20>, 80, 55, 1.75)
Softbox(<-75, 30, -25>, 45, 70, 1.2)
Softbox(<85, 30, -30>, 26, 70, 1.2)
Softbox(<25, 45, -100>, 60, 26, 0.8)
Lamp(<-25, 72, 20>, rgb <1, 0.965, 0.92> * 1.05, 30)
Lamp(<-75, 32, -25>, rgb <0.93, 0.96, 1> * 0.30, 30)
sky_sphere {
  pigment {
    gradient y
    color_map { [0 rgb <0.26, 0.24, 0.22>] [0.35 rgb <0.12, 0.12, 0.12>] [0.7 rgb <0.22, 0.22, 0.23>] [1 rgb <0.16, 0.16, 0.17>] }
  }
}

#declare Swing = 48 * sin(pi * (clock - 0.5));

// the sweep, and the turntable: a disc of dark stone
plane {
  y, -11.2
  pigment { rgb <0.50, 0.485, 0.46> }
  finish { ambient 0 diffuse 0.8 }
}
union {
  cylinder { -11.2 * y, -9.9 * y, 17.5 }
  torus { 17.3, 0.2 translate -9.92 * y }
  cylinder { -10 * y, -9.72 * y, 17.3 }
  pigment {
    granite scale 7
    color_map { [0 rgb <0.045, 0.052, 0.06>] [0.5 rgb <0.075, 0.083, 0.092>] [0.8 rgb <0.12, 0.125, 0.13>] [1 rgb <0.05, 0.055, 0.06>] }
  }
  finish { ambient 0 diffuse 0.8 specular 0.1 roughness 0.05 }
  rotate Swing * y
}
object { Ring translate 9.72 * y rotate -4 * x translate -9.72 * y rotate (-12 + Swing) * y }
